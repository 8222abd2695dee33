"""A fast function beside its plain one: values, gradients, and gradients of these."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def require_equal(
    fast: Callable[..., Any],
    plain: Callable[..., Any],
    *arguments: Any,
    second: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Of all results, by all arguments that have gradients and all parameters of layers.

    second: gradients of the gradients too. Fails unless all are equal to the rounding.
    """
    leaves = [each for each in arguments if isinstance(each, Tensor) and each.requires_grad]
    for each in arguments:
        leaves += each.parameters() if isinstance(each, nn.Module) else []
    found, expected = (_all(function(*arguments), leaves, second) for function in (fast, plain))
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)


def _all(results: Any, leaves: Sequence[Tensor], second: bool) -> list[Tensor]:
    outputs = [results] if isinstance(results, Tensor) else list(results)
    if not leaves:
        return [torch.as_tensor(output) for output in outputs]
    draw = torch.Generator().manual_seed(0)
    total = torch.zeros((), dtype=torch.float64)
    for output in outputs:
        real = torch.view_as_real(output) if output.is_complex() else output
        weights = torch.randn(real.shape, generator=draw)
        total = total + (weights * real * (1 + real)).sum()
    gradients = torch.autograd.grad(total, leaves, create_graph=second)
    if not second:
        return [*outputs, *gradients]
    total = torch.stack([gradient.square().sum() for gradient in gradients]).sum()
    return [*outputs, *gradients, *torch.autograd.grad(total, leaves)]
