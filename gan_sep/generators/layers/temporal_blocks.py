"""The block of Conv-TasNet, with the gradients of its cheap layers written by hand.

In a block, two matrix products do nearly all of the arithmetic, and yet PyTorch's gradients of the
PReLU and of the dilated depthwise convolution take as long as these on a CPU. Here they are a few
passes over memory each, and the PReLU's output is computed again instead of kept for the gradient.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

EPSILON = 1e-8  # of the norms' variance


class TemporalBlock(nn.Module):
    """A residual block that looks at `kernel` frames, `dilation` apart: (B, C, N) -> (B, C, N).

    A 1x1 convolution to the hidden channels, PReLU, global layer norm, a convolution over time in
    each channel, PReLU, global layer norm, and a 1x1 convolution back.
    """

    def __init__(self, channels: int, hidden: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.expand = nn.Conv1d(channels, hidden, 1, bias=False)
        self.first = PReLUGlobalNorm(hidden)
        self.depthwise = DepthwiseConv(hidden, kernel, dilation)
        self.second = PReLUGlobalNorm(hidden)
        self.reduce = nn.Conv1d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(self.expand(x))  # (B, hidden, N)
        residual: Tensor = self.reduce(self.second(self.depthwise(hidden)))  # (B, C, N)
        return x + residual


class PReLUGlobalNorm(nn.Module):
    """PReLU of one slope, then layer norm over all channels and frames: (B, C, N) -> (B, C, N).

    The norm is the paper's gLN: mean and variance of an item of the batch, and a scale and a shift
    for each channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((1,), 0.25))
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        parameters = (p.to(x.dtype) for p in (self.slope, self.scale, self.shift))
        output: Tensor = _PReLUGlobalNorm.apply(x.contiguous(), *parameters)
        return output


class DepthwiseConv(nn.Module):
    """A dilated convolution over time in each channel alone, of silence at both ends.

    kernel: odd. (B, C, N) -> (B, C, N).
    """

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel))
        self.dilation = dilation
        nn.init.xavier_normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = _DepthwiseConv.apply(x, self.weight[:, 0].to(x.dtype), self.dilation)
        return output


class _PReLUGlobalNorm(torch.autograd.Function):
    """Keeps its input only; PyTorch's own two layers keep the PReLU's output as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """x: (B, C, N), contiguous; slope: (1,); scale, shift: (C,); all of one type."""
        output, mean, deviation = torch.native_group_norm(
            F.prelu(x, slope), scale, shift, x.shape[0], x.shape[1], x.shape[2], 1, EPSILON
        )
        ctx.save_for_backward(x, slope, scale, mean, deviation)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, slope, scale, mean, deviation = ctx.saved_tensors
        B, C, N = x.shape
        activated, scale_gradient, shift_gradient = torch.ops.aten.native_group_norm_backward(
            gradient.contiguous(), F.prelu(x, slope), mean, deviation, scale, B, C, N, 1, [True] * 3
        )
        slope_gradient = (activated * x.clamp(max=0)).sum().view(1)
        # Between the gradient of a ReLU (slope 0) and that of the identity (slope 1).
        x_gradient = torch.ops.aten.threshold_backward(activated, x, 0).lerp_(activated, slope)
        return x_gradient, slope_gradient, scale_gradient, shift_gradient


class _DepthwiseConv(torch.autograd.Function):
    """One multiplication and addition of the whole signal per tap."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        """x: (B, C, N); weight: (C, kernel), of the same type."""
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
