"""Residual branches against their layers."""

import pytest
import torch
from pairs import require_equal
from torch import Tensor, nn

from gan_sep.generators.layers.dconv import Branches, DConv


def plain(branches: DConv, x: Tensor) -> Tensor:
    y = x.flatten(0, 1).mT  # (B * F, C, N)
    for branch in branches.layers:
        y = y + branch(y)
    return y.mT.unflatten(0, x.shape[:2])


@pytest.mark.parametrize("frames", [1, 2, 50])
def test_residual_branches_are_their_layers_one_after_the_other(frames: int) -> None:
    torch.manual_seed(0)
    branches = DConv(8, Branches(compression=2, layer_scale=0.7, lstm=True, attention=True))
    for parameter in branches.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = 3 + torch.randn(2, 4, frames, 8, dtype=torch.float64, requires_grad=True)
    require_equal(DConv.forward, plain, branches.double(), x.detach().requires_grad_())
