"""Norms against PyTorch's."""

import pytest
import torch
from pairs import require_equal
from torch import Tensor, nn

from gan_sep.fast.norms import (
    add_gated,
    item_norm,
    normalized,
    plain_add_gated,
    plain_item_norm,
    plain_normalized,
    plain_prelu_global_norm,
    prelu_global_norm,
)


def drawn(*shape: int) -> Tensor:
    return (1 + torch.randn(shape, dtype=torch.float64)).requires_grad_()


def shaken(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer.double()


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (1, 1, 1), (2, 3, 50)])
def test_items_are_normalized_by_mean_and_deviation(shape: tuple[int, ...]) -> None:
    require_equal(normalized, plain_normalized, drawn(*shape))


def test_a_norm_over_frames_and_channels_is_a_group_norm() -> None:
    require_equal(item_norm, plain_item_norm, shaken(nn.GroupNorm(1, 5)), drawn(2, 3, 7, 5))


@pytest.mark.parametrize("frames", [1, 2, 50])
def test_a_gated_branch_is_its_layers_one_after_the_other(frames: int) -> None:
    torch.manual_seed(0)
    layers = shaken(nn.Conv1d(4, 16, 1)), shaken(nn.GroupNorm(1, 16))
    arguments = drawn(2, 3, frames, 8), drawn(2, 3, frames, 4), *layers, drawn(8)
    require_equal(add_gated, plain_add_gated, *arguments, second=True)


@pytest.mark.parametrize("turned", [False, True])
def test_prelu_and_global_norm_are_pytorchs(turned: bool) -> None:
    torch.manual_seed(0)
    x = drawn(3, 70, 5).mT if turned else drawn(3, 5, 70)
    x = x.detach().requires_grad_()
    require_equal(prelu_global_norm, plain_prelu_global_norm, x, drawn(1), drawn(5), drawn(5))
