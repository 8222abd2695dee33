"""Spectral normalisation of grouped convolutions against singular values from a decomposition."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from scoring import scored
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators import (
    complex_stft,
    multi_band,
    multi_period,
    multi_scale,
    spectrogram,
)
from gan_sep.discriminators.layers.spectral_norm import spectrally_normalised

AUDIO = AudioFormat(16000, 2, ("drums", "bass", "vocals"))
DISCRIMINATORS = (complex_stft, multi_band, multi_period, multi_scale, spectrogram)


def discriminator(module: Any, audio: AudioFormat = AUDIO) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = replace(module.Config.tiny(), spectral_norm=True).build(audio)
    return network


def convolution(groups: int = 3, seed: int = 0) -> nn.Conv2d:
    torch.manual_seed(seed)
    return nn.Conv2d(groups * 2, groups * 5, (3, 4), groups=groups)


def largest(weight: Tensor, groups: int) -> list[float]:
    matrices = weight.detach().reshape(groups, weight.shape[0] // groups, -1)
    values: list[float] = torch.linalg.matrix_norm(matrices, ord=2).tolist()
    return values


def test_every_discriminators_matrix_has_a_largest_singular_value_of_one() -> None:
    network = convolution()
    with torch.no_grad():
        network.weight[:5] *= 100  # of the first discriminator alone
    original = network.weight.detach().clone()
    normalised = spectrally_normalised(network, 3).eval()
    assert isinstance(normalised.weight, Tensor)
    assert largest(normalised.weight, 3) == pytest.approx([1, 1, 1], abs=1e-4)
    expected = original[:5] / largest(original, 3)[0]
    torch.testing.assert_close(normalised.weight[:5], expected, rtol=1e-4, atol=1e-6)


def test_the_gradient_is_that_of_dividing_by_the_largest_singular_value() -> None:
    plain, direction = convolution(groups=2), torch.randn(10, 2, 3, 4)
    weight = plain.weight.detach().clone().requires_grad_()
    stretch = torch.linalg.matrix_norm(weight.reshape(2, 5, -1), ord=2)  # (S,)
    quotient = weight / stretch.repeat_interleave(5)[:, None, None, None]
    (expected,) = torch.autograd.grad((quotient * direction).sum(), weight)

    normalised = spectrally_normalised(plain, 2).eval()
    assert isinstance(normalised.weight, Tensor)
    (normalised.weight * direction).sum().backward()
    (original,) = normalised.parametrizations.weight.parameters()  # type: ignore[union-attr]
    torch.testing.assert_close(original.grad, expected, rtol=1e-3, atol=1e-4)


def test_training_passes_follow_the_weights_and_judging_passes_leave_the_state_alone() -> None:
    network = spectrally_normalised(convolution(), 3)
    with torch.no_grad():
        for original in network.parametrizations.weight.parameters():  # type: ignore[union-attr]
            original.copy_(torch.randn_like(original))
    signals = torch.randn(1, 6, 8, 8)
    network.eval()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    network(signals)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    network.train()
    for _ in range(100):
        network(signals)
    assert isinstance(network.weight, Tensor)
    assert largest(network.weight, 3) == pytest.approx([1, 1, 1], abs=1e-3)


def test_two_passes_before_the_gradients_are_taken_do_not_disturb_each_other() -> None:
    network, signals = spectrally_normalised(convolution(), 3), torch.randn(2, 6, 8, 8)
    first, second = network(signals[:1]), network(signals[1:])
    (first.square().sum() + second.square().sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_no_random_number_is_drawn() -> None:
    network = convolution()
    before = torch.get_rng_state()
    spectrally_normalised(network, 3)(torch.randn(1, 6, 8, 8, generator=torch.Generator()))
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_zero_stay_zero() -> None:
    network = convolution()
    nn.init.zeros_(network.weight)
    weight = spectrally_normalised(network, 3).weight
    assert isinstance(weight, Tensor)
    assert weight.abs().max() == 0


@pytest.mark.parametrize("module", DISCRIMINATORS)
def test_all_weights_of_every_discriminator_are_normalised_source_by_source(module: Any) -> None:
    layers = [
        m for m in discriminator(module).eval().modules() if isinstance(m, nn.Conv1d | nn.Conv2d)
    ]
    assert layers
    for layer in layers:
        assert largest(layer.weight, 3) == pytest.approx([1, 1, 1], rel=0.02)


@pytest.mark.parametrize("module", DISCRIMINATORS)
def test_one_pass_equals_one_normalised_network_per_source(module: Any) -> None:
    together, sources = discriminator(module), torch.randn(2, 3, 2, 1000)
    state = {name: value.clone() for name, value in together.state_dict().items()}
    output = scored(together, sources)
    for k, name in enumerate(AUDIO.sources):
        alone = discriminator(module, AudioFormat(AUDIO.sample_rate, AUDIO.channels, (name,)))
        alone.load_state_dict({n: value.chunk(3)[k] for n, value in state.items()})
        expected = scored(alone, sources[:, k : k + 1])
        torch.testing.assert_close(output.logits[:, k : k + 1], expected.logits)


def test_no_layer_normalisation_is_left_to_undo_it() -> None:
    network = discriminator(spectrogram)
    assert not any(isinstance(module, nn.GroupNorm) for module in network.modules())
