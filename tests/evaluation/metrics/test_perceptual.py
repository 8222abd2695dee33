"""Artefacts and interference on signals whose answers are known."""

import math

import pytest
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.perceptual import artefacts, interference, interference_share


def music(sources: int, channels: int, rate: int, seconds: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(sources, channels, round(seconds * rate), generator=generator)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sources", [2, 4])
def test_bleeding_is_interference_of_its_level_and_no_artefact(
    rate: int, channels: int, sources: int
) -> None:
    references = music(sources, channels, rate)
    estimates = 0.7 * references + 0.07 * references.roll(1, 0)
    found = interference(references, estimates, rate)
    assert found.tolist() == pytest.approx([20] * sources, abs=0.5)
    assert (artefacts(references, estimates, rate) > -0.1).all()


def test_an_independent_noise_is_an_artefact_and_louder_is_worse() -> None:
    references = music(2, 1, 16000)
    noise = torch.randn(references.shape, generator=torch.Generator().manual_seed(5))
    worse, better = (artefacts(references, references + g * noise, 16000) for g in (2.0, 0.5))
    assert (worse < better - 1).all()
    assert (better < -0.2).all()


def test_gains_of_estimates_and_references_change_nothing() -> None:
    references = music(2, 2, 16000)
    estimates = references + 0.3 * references.flip(0) + 0.1 * music(2, 2, 16000).roll(77, -1)
    for metric in (artefacts, interference, interference_share):
        value = metric(references, estimates, 16000)
        scaled = metric(5 * references, 0.02 * estimates, 16000)
        torch.testing.assert_close(scaled, value, rtol=1e-3, atol=1e-3)


def test_filtering_a_source_is_neither() -> None:
    references = music(2, 1, 16000)
    estimates = references + 0.5 * references.roll(10, -1)
    assert (artefacts(references, estimates, 16000) > -1).all()
    assert (interference(references, estimates, 16000) > 15).all()


def test_a_silent_source_or_estimate_has_no_value_and_spoils_no_other() -> None:
    references = music(3, 1, 16000)
    estimates = references + 0.1 * references.roll(1, 0)
    references[0] = 0
    estimates[1] = 0
    for metric in (artefacts, interference, interference_share):
        found = metric(references, estimates, 16000)
        assert [math.isnan(value) for value in found] == [True, True, False]


def test_one_source_alone_has_no_interference() -> None:
    references = music(1, 1, 16000)
    assert interference(references, references, 16000).tolist() == [math.inf]


def test_the_share_of_others_is_that_of_a_power_law() -> None:
    """Noise of a tenth of the amplitude adds a hundredth to the power: 1 - 1.01^-0.6 of it."""
    references = music(2, 1, 16000)
    share = interference_share(references, references + 0.1 * references.flip(0), 16000)
    assert (share > 1 - 1.01**-0.6 - 0.002).all()  # where both meet in phase it is more
    assert (share < 0.08).all()
    same = interference_share(references, references, 16000)
    assert (same < 1e-3).all()


def test_a_clip_shorter_than_a_window_has_a_value() -> None:
    references = music(2, 1, 16000, seconds=0.1)
    assert torch.isfinite(artefacts(references, references + references.flip(0), 16000)).all()


def test_broken_signals_are_refused() -> None:
    references = music(2, 1, 8000)
    with pytest.raises(ValueError, match="differ in shape"):
        artefacts(references, references[..., 1:], 8000)
    with pytest.raises(ValueError, match="estimates hold NaN or inf"):
        interference(references, references * torch.nan, 8000)
