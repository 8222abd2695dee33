"""Levels in dB against hand values: bleeding, treble and floors of known size."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.levels import energy_at_silence, high_band_ratio, noise_floor

RATE = 16000


def sine(hertz: float, amplitude: float = 1.0) -> Tensor:
    """Two seconds, (1, 1, T)."""
    seconds = torch.arange(2 * RATE) / RATE
    return amplitude * (2 * math.pi * hertz * seconds).sin()[None, None]


def rests() -> Tensor:
    """A tone of one second after a rest of one second, (1, 1, T)."""
    signal = sine(440, 0.5)
    signal[..., :RATE] = 0
    return signal


def at_silence(references: Tensor, estimates: Tensor) -> float:
    return float(energy_at_silence(references, estimates, RATE).squeeze())


def test_what_bleeds_into_rests_is_their_level() -> None:
    bleeding = sine(1000, 0.1)
    assert at_silence(rests(), bleeding) == pytest.approx(10 * math.log10(0.1**2 / 2), abs=1e-3)
    # What the estimate does while the reference sounds is no matter.
    bleeding[..., RATE:] = 1
    assert at_silence(rests(), bleeding) == pytest.approx(-23.01, abs=0.01)
    # Half of the rest is half of the energy.
    bleeding[..., : RATE // 2] = 0
    assert at_silence(rests(), bleeding) == pytest.approx(-26.02, abs=0.01)


def test_rests_kept_silent_are_at_the_floor_of_minus_100_db() -> None:
    assert at_silence(rests(), rests()) == pytest.approx(-100)


def test_bleeding_into_one_of_two_channels_is_half_the_energy() -> None:
    estimates = torch.cat([sine(1000, 0.1), torch.zeros(1, 1, 2 * RATE)], 1)
    assert at_silence(rests().expand(1, 2, -1), estimates) == pytest.approx(-26.02, abs=0.01)


def test_silence_is_an_rms_below_minus_60_db() -> None:
    for level_db, sounds in ((-59, True), (-61, False)):
        references = sine(440, math.sqrt(2) * 10 ** (level_db / 20))
        assert math.isnan(at_silence(references, references)) is sounds


def test_a_source_that_never_rests_has_no_energy_at_silence() -> None:
    references = torch.cat([rests(), sine(440)])
    values = energy_at_silence(references, sine(1000, 0.1).expand(2, 1, -1), RATE)
    assert values[0].item() == pytest.approx(-23.01, abs=0.01)
    assert values[1].isnan()


def test_treble_of_twice_the_amplitude_is_6_db_more() -> None:
    bass, treble = sine(500), sine(6000, 0.1)
    values = [high_band_ratio(bass + treble, bass + gain * treble).item() for gain in (1, 2, 0.5)]
    assert values == pytest.approx([0, 6.02, -6.02], abs=0.01)


def test_low_pass_estimates_are_dull_and_hum_is_not_treble() -> None:
    bass, treble = sine(500), sine(6000, 0.1)
    treble_db = 10 * math.log10(1.5 * 0.1**2)  # a Hann window shares a sine's power among bins
    assert high_band_ratio(treble, 0 * bass).item() == pytest.approx(-100 - treble_db, abs=0.5)
    assert high_band_ratio(bass + treble, bass).item() < -20
    assert high_band_ratio(bass + treble, bass + treble + sine(50)).item() == pytest.approx(
        0, abs=0.01
    )


def test_hiss_is_treble_of_its_own_level() -> None:
    random = torch.Generator().manual_seed(0)
    references = 0.1 * torch.randn(1, 1, 2 * RATE, generator=random)
    hiss = 0.1 * torch.randn(1, 1, 2 * RATE, generator=random)
    assert high_band_ratio(references, references + hiss).item() == pytest.approx(3.01, abs=0.3)


def test_treble_of_a_silent_reference_has_no_ratio() -> None:
    assert high_band_ratio(0 * sine(500), sine(6000)).isnan().all()


def test_hum_under_a_source_with_rests_is_its_noise_floor() -> None:
    hertz = 10 * RATE / 2048  # the middle of a bin
    hum_db = 10 * math.log10(1.5 * 0.01**2)
    value = noise_floor(rests(), rests() + sine(hertz, 0.01)).item()
    assert value == pytest.approx(hum_db + 100, abs=0.1)


def test_floors_are_compared_and_do_not_hear_what_moves() -> None:
    random = torch.Generator().manual_seed(0)
    floor = 0.01 * torch.randn(1, 1, 2 * RATE, generator=random)
    references = rests() + floor
    assert noise_floor(references, references).item() == 0
    assert noise_floor(references, 2 * references).item() == pytest.approx(6.02, abs=0.01)
    assert noise_floor(references, 2 * rests() + floor).item() == pytest.approx(0, abs=0.3)
    gated = references.clone()
    gated[..., : RATE // 2] = 0
    assert noise_floor(references, gated).item() < -20


def test_the_floor_of_a_silent_reference_is_minus_100_db() -> None:
    silence = torch.zeros(1, 1, 2 * RATE)
    assert noise_floor(silence, silence).item() == 0
    assert noise_floor(silence, sine(1000)).item() > 90


def test_a_track_shorter_than_a_frame_has_values() -> None:
    blip = sine(500)[..., :7]
    assert energy_at_silence(0 * blip, blip, RATE).isfinite().all()
    assert noise_floor(blip, blip).tolist() == [0]


@pytest.mark.parametrize(
    "metric", [high_band_ratio, noise_floor, lambda s, e: energy_at_silence(s, e, RATE)]
)
def test_other_shapes_are_refused(metric: Callable[[Tensor, Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match=r"differ in shape: \(1, 1, 32000\) and \(1, 1, 31999\)"):
        metric(sine(500), sine(500)[..., 1:])
    with pytest.raises(ValueError, match=r"non-empty \(S, C, T\)"):
        metric(sine(500)[0], sine(500)[0])
