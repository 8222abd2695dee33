"""The residual branch of Hybrid Demucs: dilated convolutions, recurrence and local attention.

Source: Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.generators.layers.channels_last import convolve
from gan_sep.generators.layers.local_attention import LocalAttention
from gan_sep.generators.layers.lstm import FramedBLSTM


@dataclass(frozen=True)
class Branches:
    """What the residual branches of a layer are made of."""

    depth: int = 2  # branches one after the other, the dilation doubles with each
    compression: int = 4  # channels of the layer per channel of a branch
    layer_scale: float = 1e-3  # each branch begins scaled by this
    lstm: bool = False
    attention: bool = False


class DConv(nn.Module):
    """x + branch(x) for each branch in turn, every item on its own: (B, F, N, C) -> the same."""

    def __init__(self, channels: int, branches: Branches) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _branch(channels, 2**index, branches) for index in range(branches.depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        for branch in self.layers:
            layers: Any = branch
            reach, norm, activation, *context, expand, expanded_norm, _, scale = layers
            h = activation(item_norm(norm, convolve(reach, x)))  # (B, F, N, hidden)
            for layer in context:
                y = layer(h.flatten(0, 1).transpose(1, 2))  # (B * F, hidden, N)
                h = y.transpose(1, 2).unflatten(0, h.shape[:2])
            x = _add_gated(x, h, expand, expanded_norm, scale)
        return x


class LayerScale(nn.Module):
    """One factor per channel; channel_last where x is (..., C), else (B, C, T)."""

    def __init__(self, channels: int, initial: float, channel_last: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), float(initial)))
        self.channel_last = channel_last

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.scale if self.channel_last else self.scale[:, None])


def item_norm(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """A norm of one group over the last two axes, frames and channels: (..., N, C) -> the same."""
    return (F.layer_norm(x, x.shape[-2:], eps=norm.eps) * norm.weight).add_(norm.bias)


def _add_gated(
    x: Tensor, h: Tensor, expand: nn.Conv1d, norm: nn.GroupNorm, scale: LayerScale
) -> Tensor:
    """x + scale(glu(norm(expand(h)))): (B, F, N, C), (B, F, N, hidden) -> (B, F, N, C).

    The norm's mean and deviation follow from h's mean and covariance and the weights, so that norm
    and scale go into one matrix: what `expand` widens is written once.
    """
    assert expand.bias is not None
    weight, bias = expand.weight[:, :, 0], expand.bias[:, None]  # (2 C, hidden), (2 C, 1)
    values, frames = h.shape[2] * len(weight), h.shape[2]
    centre = h.mean(2, keepdim=True)  # (B, F, 1, hidden)
    deviations = h - centre
    covariance = deviations.transpose(2, 3) @ deviations  # (B, F, hidden, hidden), times N
    means = F.linear(centre, weight, expand.bias)  # (B, F, 1, 2 C)
    mean = means.mean(3, keepdim=True)
    variance = (covariance * (weight.T @ weight)).sum((2, 3), keepdim=True) / values
    variance = variance + (means - mean).square().mean(3, keepdim=True)
    rate = (variance + norm.eps).rsqrt()  # (B, F, 1, 1)
    offsets = torch.cat([rate, -mean * rate, torch.ones_like(rate)], 3).expand(-1, -1, frames, -1)
    features = torch.cat([h * rate, offsets], 3)  # (B, F, N, hidden + 3)
    one = torch.ones_like(bias)
    matrix = torch.cat([weight, bias, one], 1) * norm.weight[:, None]
    value, gate = torch.cat([matrix, norm.bias[:, None]], 1).chunk(2)  # (C, hidden + 3) each
    value = F.linear(features, value * scale.scale[:, None])  # (B, F, N, C)
    summed: Tensor = _AddProduct.apply(x, value, F.linear(features, gate).sigmoid_())
    return summed


class _AddProduct(torch.autograd.Function):
    """x + a * b, of one shape.

    The gradient of torch.addcmul also multiplies all values by its factor of 1, twice.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return torch.addcmul(x, a, b)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, b = ctx.saved_tensors
        return gradient, gradient * b, gradient * a


def _branch(channels: int, dilation: int, branches: Branches) -> nn.Sequential:
    hidden = channels // branches.compression
    reach = nn.Conv1d(channels, hidden, 3, dilation=dilation, padding=dilation)
    expand = nn.Conv1d(hidden, 2 * channels, 1)
    context: list[nn.Module] = []
    if branches.attention:
        context = [LocalAttention(hidden)]
    if branches.lstm:
        context = [FramedBLSTM(hidden), *context]
    return nn.Sequential(
        reach,
        nn.GroupNorm(1, hidden),
        nn.GELU(),
        *context,
        expand,
        nn.GroupNorm(1, 2 * channels),
        nn.GLU(1),
        LayerScale(channels, branches.layer_scale),
    )
