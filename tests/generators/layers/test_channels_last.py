"""Convolutions of (B, F, N, C) against PyTorch's layers, by every way they are computed."""

import pytest
import torch
from torch import Tensor, nn

from gan_sep.generators.layers.channels_last import convolve, convolve_transposed, gated
from gan_sep.generators.layers.dconv import Branches, DConv


def plain(layer: nn.Module, x: Tensor) -> Tensor:
    """The layer on (B, C, F, N), or of one dimension on each bin's (C, N)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    bins = [layer(each.transpose(1, 2)).transpose(1, 2) for each in x.unbind(1)]
    return torch.stack(bins, 1)


# Weights that outnumber the values are multiplied in another way: few and many frames.
@pytest.mark.parametrize("frames", [3, 200])
@pytest.mark.parametrize("bins", [1, 5, 8])
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(6, 8, 3, dilation=2, padding=2),
        nn.Conv1d(6, 8, 1),
        nn.Conv1d(6, 8, 8, 4, 3),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.Conv2d(6, 8, (8, 1), (4, 1), (4, 0)),
    ],
    ids=str,
)
def test_a_convolution_is_that_of_its_layer(layer: nn.Conv1d, bins: int, frames: int) -> None:
    x = torch.randn(2, bins, frames, 6)
    torch.testing.assert_close(convolve(layer, x), plain(layer, x))


@pytest.mark.parametrize("frames", [3, 200])
@pytest.mark.parametrize("trimmed", [0, 2])
def test_a_transposed_convolution_is_trimmed_at_both_ends(frames: int, trimmed: int) -> None:
    x = torch.randn(2, 3, frames, 6)
    over_bins, over_frames = (
        nn.ConvTranspose2d(6, 8, (8, 1), (4, 1)),
        nn.ConvTranspose1d(6, 8, 8, 4),
    )
    for layer, axis in ((over_bins, 1), (over_frames, 2)):
        expected = plain(layer, x)
        expected = expected.narrow(axis, trimmed, expected.shape[axis] - 2 * trimmed)
        torch.testing.assert_close(convolve_transposed(layer, x, trimmed), expected)


def test_a_gated_convolution_is_a_gated_linear_unit_behind_it() -> None:
    x, layer = torch.randn(2, 3, 4, 6), nn.Conv2d(6, 16, 1)
    torch.testing.assert_close(gated(layer, x), nn.functional.glu(plain(layer, x), -1))


@pytest.mark.parametrize("frames", [1, 2, 50])
def test_residual_branches_are_their_layers_one_after_the_other(frames: int) -> None:
    torch.manual_seed(0)
    branches = DConv(8, Branches(compression=2, layer_scale=0.7, lstm=True, attention=True))
    for parameter in branches.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = 3 + torch.randn(2, 4, frames, 8)
    expected = x.flatten(0, 1).transpose(1, 2)  # (B * F, C, N)
    for branch in branches.layers:
        expected = expected + branch(expected)
    expected = expected.transpose(1, 2).unflatten(0, (2, 4))
    torch.testing.assert_close(branches(x), expected, rtol=1e-4, atol=1e-4)


def test_residual_branches_have_the_gradients_of_finite_differences() -> None:
    torch.manual_seed(0)
    branches = DConv(4, Branches(compression=2, layer_scale=0.7)).double()
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(branches, x)
    assert torch.autograd.gradgradcheck(branches, x)
