"""The package demucs beside our networks: copied weights to which every layer matters."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat


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


@contextmanager
def double_precision() -> Iterator[None]:
    """While entered, tensors and networks are made in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def require_equal_gradients(network: nn.Module, published: nn.Module, samples: int) -> None:
    """Of a distance from random sources, of every parameter; to be called in double precision."""
    mixture, sources = torch.randn(2, 2, samples), torch.randn(2, 4, 2, samples)
    for each in (network, published):
        (each(mixture) - sources).abs().mean().backward()
    expected = dict(published.named_parameters())
    for name, parameter in network.named_parameters():
        gradient, other = parameter.grad, expected[name].grad
        assert gradient is not None
        assert other is not None
        # A bias of all keys alike moves no softmax: its gradient is nothing but rounding.
        least = 1e-15 if name.endswith("key.bias") else 0.0
        error = float((gradient - other).abs().max())
        assert error <= max(1e-8 * float(other.abs().max()), least), name


def parameters(config: Any, audio: AudioFormat) -> int:
    """How many a network of this configuration has; no memory is taken for them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in config.build(audio).parameters())
