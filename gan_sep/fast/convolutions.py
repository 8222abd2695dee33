"""Convolutions of signals (B, F, N, C), and of each channel by itself.

With the channels of a frame side by side a CPU convolves up to twice as fast as with the frames of
a channel side by side, and a 1x1 convolution is a matrix product.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Layer = nn.Conv1d | nn.Conv2d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d
Pair = tuple[int, int]


def plain_convolve(layer: Layer | Transposed, x: Tensor) -> Tensor:
    """The layer's convolution, a Conv1d's of each bin's frames: (B, F, N, C) -> (B, F', N', C')."""
    if layer.weight.ndim == 4:
        return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return torch.stack([layer(frames.mT).mT for frames in x.unbind(1)], 1)


def plain_convolve_transposed(layer: Transposed, x: Tensor, trimmed: int = 0) -> Tensor:
    """Likewise, without `trimmed` values at both ends of the axis that grows."""
    y, axis = plain_convolve(layer, x), 5 - layer.weight.ndim
    return y.narrow(axis, trimmed, y.shape[axis] - 2 * trimmed)


def plain_gated(layer: Layer, x: Tensor) -> Tensor:
    """A gated linear unit behind a 1x1 convolution: (B, F, N, C) -> (B, F, N, C' / 2)."""
    return F.glu(plain_convolve(layer, x), 3)


def plain_convolve_depthwise(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Of each channel's frames, silence around them: (B, C, N), (C, 1, odd kernel) -> (B, C, N)."""
    padding = dilation * (weight.shape[2] // 2)
    return F.conv1d(x, weight, None, 1, padding, dilation, groups=len(weight))


def convolve(layer: Layer, x: Tensor) -> Tensor:
    weight, bias = layer.weight, layer.bias
    stride, dilation = _pair(layer.stride, 1), _pair(layer.dilation, 1)
    padding = _pair(cast(tuple[int, ...], layer.padding), 0)
    if weight.ndim == 3:
        weight = weight[:, :, None]
    elif x.shape[1] == stride[0] == 1 and weight.shape[2] == 2 * padding[0] + 1:
        # Of the kernel's bins only the middle one meets the only bin.
        weight, padding = weight[:, :, padding[0], None], (0, padding[1])
    signal = x.permute(0, 3, 1, 2)
    if weight.numel() > x.numel():  # turning the weights costs more than turning the signal
        if weight.shape[2] == 1:
            return _by_taps(x, weight.squeeze(2), bias, stride[1], padding[1], dilation[1])
        signal = signal.contiguous()
    y = F.conv2d(signal, weight, bias, stride, padding, dilation)
    return y.permute(0, 2, 3, 1).contiguous()


def convolve_transposed(layer: Transposed, x: Tensor, trimmed: int = 0) -> Tensor:
    weight = layer.weight if layer.weight.ndim == 4 else layer.weight[:, :, None]
    padding = (trimmed, 0) if layer.weight.ndim == 4 else (0, trimmed)
    stride = _pair(layer.stride, 1)
    signal = x.permute(0, 3, 1, 2)
    if weight.numel() > x.numel():
        signal = signal.contiguous()
    y = F.conv_transpose2d(signal, weight, layer.bias, stride, padding)
    return y.permute(0, 2, 3, 1).contiguous()


def gated(layer: Layer, x: Tensor) -> Tensor:
    weight, bias = layer.weight.flatten(1), layer.bias
    assert bias is not None
    (value, gate), (offset, offset_of_gate) = weight.chunk(2), bias.chunk(2)
    # Not sigmoid_: F.linear with a bias returns a view, whose gradient is copied several times.
    return F.linear(x, value, offset) * F.linear(x, gate, offset_of_gate).sigmoid()


def convolve_depthwise(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    output: Tensor = _Depthwise.apply(x, weight[:, 0].to(x.dtype), dilation)
    return output


def _by_taps(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, dilation: int
) -> Tensor:
    """One matrix product: faster where the weights (C', C, kernel) outnumber the values.

    (B, F, N, C) -> (B, F, N', C').
    """
    x = F.pad(x, (0, 0, padding, padding))
    starts = range(0, weight.shape[2] * dilation, dilation)
    span = x.shape[2] - starts[-1]
    taps = torch.stack([x[:, :, start : start + span : stride] for start in starts], -1)
    return F.linear(taps.flatten(3), weight.flatten(1), bias)


def _pair(numbers: tuple[int, ...], over_bins: int) -> Pair:
    """Over bins and over frames; of a Conv1d the latter alone is given."""
    return (over_bins, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


class _Depthwise(torch.autograd.Function):
    """One multiplication and addition of the whole signal per tap, weight: (C, kernel)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _filter(x, weight, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        x_gradient = _filter(gradient, weight.flip(1), ctx.dilation)
        products = [
            torch.linalg.vecdot(gradient[..., there], x[..., here]).sum(0)  # (C,)
            for there, here in _taps(weight.shape[1], ctx.dilation, x.shape[2])
        ]
        return x_gradient, torch.stack(products, 1), None


def _filter(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Each channel's sum over its taps of weight * x: (B, C, N), (C, kernel) -> (B, C, N)."""
    output = torch.zeros_like(x)
    for tap, (there, here) in enumerate(_taps(weight.shape[1], dilation, x.shape[2])):
        output[..., there].addcmul_(x[..., here], weight[:, tap, None])
    return output


def _taps(kernel: int, dilation: int, length: int) -> Iterator[tuple[slice, slice]]:
    """For each tap, the outputs that it has an input for, and these inputs."""
    for tap in range(kernel):
        offset = (tap - kernel // 2) * dilation
        count = max(0, length - abs(offset))
        there, here = max(0, -offset), max(0, offset)
        yield slice(there, there + count), slice(here, here + count)
