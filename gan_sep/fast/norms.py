"""Norms with what lies around them, in a few passes over memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_EPSILON = 1e-8  # of the variance in `prelu_global_norm`


def plain_normalized(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(x - mean) / (std + 1e-5) of each item of (B, ...), the mean and the std (B, 1, ...)."""
    axes, correction = tuple(range(1, x.ndim)), min(1, x[0].numel() - 1)
    mean, std = x.mean(axes, keepdim=True), x.std(axes, correction=correction, keepdim=True)
    return (x - mean) / (1e-5 + std), mean, std


def plain_item_norm(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    """A norm of one group over the last two axes, frames and channels: (..., N, C) -> the same."""
    items = x.reshape(-1, *x.shape[-2:])
    return norm(items.mT).mT.reshape(x.shape)


def plain_add_gated(
    x: Tensor, h: Tensor, expand: nn.Conv1d, norm: nn.GroupNorm, scale: Tensor
) -> Tensor:
    """x + scale * glu(norm(expand(h))): (B, F, N, C), (B, F, N, hidden) -> (B, F, N, C)."""
    gated = F.glu(norm(expand(h.flatten(0, 1).mT)), 1)  # (B * F, C, N)
    return x + scale * gated.mT.unflatten(0, x.shape[:2])


def plain_prelu_global_norm(x: Tensor, slope: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """PReLU, then a norm over all channels and frames: (B, C, N), (1,), (C,), (C,) -> (B, C, N)."""
    return F.group_norm(F.prelu(x, slope), 1, scale, shift, _EPSILON)


def normalized(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    # Several times as fast as torch.std and as exact; clamped for the gradient of silence, zero.
    variance = centred.square().sum(axes, keepdim=True) / max(x[0].numel() - 1, 1)
    std = variance.clamp_min(1e-30).sqrt()
    return centred / (1e-5 + std), mean, std


def item_norm(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    return (F.layer_norm(x, x.shape[-2:], eps=norm.eps) * norm.weight).add_(norm.bias)


def add_gated(x: Tensor, h: Tensor, expand: nn.Conv1d, norm: nn.GroupNorm, scale: Tensor) -> Tensor:
    """The norm's mean and deviation follow from h's mean and covariance and the weights.

    So norm and scale go into one matrix, and what `expand` widens is written once.
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
    value = F.linear(features, value * scale[:, None])  # (B, F, N, C)
    summed: Tensor = _AddProduct.apply(x, value, F.linear(features, gate).sigmoid_())
    return summed


def prelu_global_norm(x: Tensor, slope: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    parameters = (each.to(x.dtype) for each in (slope, scale, shift))
    output: Tensor = _PReLUGlobalNorm.apply(x.contiguous(), *parameters)
    return output


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


class _PReLUGlobalNorm(torch.autograd.Function):
    """Keeps its input only; PyTorch's own two layers keep the PReLU's output as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        output, mean, deviation = torch.native_group_norm(
            F.prelu(x, slope), scale, shift, x.shape[0], x.shape[1], x.shape[2], 1, _EPSILON
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
