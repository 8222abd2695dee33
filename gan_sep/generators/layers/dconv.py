"""The residual branch of Hybrid Demucs: dilated convolutions, recurrence and local attention.

Source: Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_sep.fast.convolutions import convolve
from gan_sep.fast.norms import add_gated, item_norm
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
            x = add_gated(x, h, expand, expanded_norm, scale.scale)
        return x


class LayerScale(nn.Module):
    """One factor per channel; channel_last where x is (..., C), else (B, C, T)."""

    def __init__(self, channels: int, initial: float, channel_last: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), float(initial)))
        self.channel_last = channel_last

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.scale if self.channel_last else self.scale[:, None])


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
