"""Convolutions of (B, F, N, C) against PyTorch's layers, by every way they are computed."""

import pytest
import torch
from pairs import require_equal
from torch import Tensor, nn

from gan_sep.fast.convolutions import (
    convolve,
    convolve_depthwise,
    convolve_transposed,
    gated,
    plain_convolve,
    plain_convolve_depthwise,
    plain_convolve_transposed,
    plain_gated,
)


def signal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


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
    require_equal(convolve, plain_convolve, layer.double(), signal(2, bins, frames, 6), second=True)


@pytest.mark.parametrize("frames", [3, 200])
@pytest.mark.parametrize("trimmed", [0, 2])
@pytest.mark.parametrize(
    "layer", [nn.ConvTranspose2d(6, 8, (8, 1), (4, 1)), nn.ConvTranspose1d(6, 8, 8, 4)], ids=str
)
def test_a_transposed_convolution_is_trimmed_at_both_ends(
    layer: nn.Module, frames: int, trimmed: int
) -> None:
    arguments = layer.double(), signal(2, 3, frames, 6), trimmed
    require_equal(convolve_transposed, plain_convolve_transposed, *arguments)


def test_a_gated_convolution_is_a_gated_linear_unit_behind_it() -> None:
    require_equal(gated, plain_gated, nn.Conv2d(6, 16, 1).double(), signal(2, 3, 4, 6), second=True)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("dilation", [1, 4, 8, 100])
def test_a_depthwise_convolution_is_a_grouped_one(kernel: int, dilation: int) -> None:
    arguments = signal(2, 3, 9), signal(3, 1, kernel), dilation
    require_equal(convolve_depthwise, plain_convolve_depthwise, *arguments)
