"""The package demucs beside our networks: copied weights to which every layer matters."""

from typing import Any

import torch
from torch import Tensor, nn


def copy_audible(published: nn.Module, network: nn.Module) -> None:
    """Give both networks the same weights, with residual branches and decays that count.

    Fresh weights scale the branches by 1e-3 and less, so that an error there would not show.
    """
    state = published.state_dict()
    for name, weight in state.items():
        if name.endswith(".scale"):
            weight.fill_(0.7)
        if "query_decay" in name:
            weight.mul_(3)
    network.load_state_dict(state, strict=True)


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest value expected."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def require_equal(network: nn.Module, published: Any, mixture: Tensor) -> None:
    """The estimates of both, to the rounding of the mixture's type."""
    tolerance = 1e-5 if mixture.dtype == torch.float32 else 1e-10
    with torch.no_grad():
        assert relative_difference(network(mixture), published(mixture)) < tolerance
