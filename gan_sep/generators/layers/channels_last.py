"""Convolutions of signals (B, F, N, C): bins, frames and channels.

With the channels of a frame side by side a CPU convolves up to twice as fast as with the frames of
a channel side by side, and a 1x1 convolution is a matrix product.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pair = tuple[int, int]


def convolve(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """The layer's convolution, a Conv1d's over frames alone: (B, F, N, C) -> (B, F', N', C')."""
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


def convolve_transposed(
    layer: nn.ConvTranspose1d | nn.ConvTranspose2d, x: Tensor, trimmed: int = 0
) -> Tensor:
    """Likewise, without `trimmed` values at both ends of the axis that grows."""
    weight = layer.weight if layer.weight.ndim == 4 else layer.weight[:, :, None]
    padding = (trimmed, 0) if layer.weight.ndim == 4 else (0, trimmed)
    stride = _pair(layer.stride, 1)
    signal = x.permute(0, 3, 1, 2)
    if weight.numel() > x.numel():
        signal = signal.contiguous()
    y = F.conv_transpose2d(signal, weight, layer.bias, stride, padding)
    return y.permute(0, 2, 3, 1).contiguous()


def gated(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """A gated linear unit behind a 1x1 convolution: (B, F, N, C) -> (B, F, N, C' / 2)."""
    weight, bias = layer.weight.flatten(1), layer.bias
    assert bias is not None
    (value, gate), (offset, offset_of_gate) = weight.chunk(2), bias.chunk(2)
    # Not sigmoid_: F.linear with a bias returns a view, whose gradient is copied several times.
    return F.linear(x, value, offset) * F.linear(x, gate, offset_of_gate).sigmoid()


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
