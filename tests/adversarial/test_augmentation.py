"""Augmentation of what the discriminators get: each change by hand, and the chances by counting."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_sep.adversarial.augmentation import (
    CHANGES,
    KINDS,
    InputAugmentation,
    Kind,
    augmented,
    drawn,
)

ALWAYS, NEVER = torch.ones(2), torch.zeros(2)


def paired(numbers: Iterable[int]) -> list[tuple[str, int]]:
    """Paired segments with these numbers in the step."""
    return [("paired", number) for number in numbers]


def changed(kind: Kind, signal: Tensor, where: float = 0.0, size: float = 0.0) -> Tensor:
    """One signal (T,), with what chance decides."""
    result = CHANGES[kind](signal[None, None], torch.tensor([where]), torch.tensor([size]))
    return result[0, 0]


def test_a_shift_turns_the_signal_around() -> None:
    assert changed("shift", torch.arange(8.0), where=0.25).tolist() == [6, 7, 0, 1, 2, 3, 4, 5]
    assert changed("shift", torch.arange(8.0), where=0.0).tolist() == list(range(8))


def test_gain_is_even_in_decibels_up_to_six() -> None:
    one = torch.ones(1)
    factors = [changed("gain", one, size=size).item() for size in (0.0, 0.5, 1.0)]
    assert factors == pytest.approx([10**-0.3, 1, 10**0.3])


def test_polarity_is_turned() -> None:
    assert changed("polarity", torch.tensor([1.0, -2.0])).tolist() == [-1, 2]


@pytest.mark.parametrize(("where", "octave"), [(0.0, 8), (3 / 7, 5), (1.0, 1)])
def test_the_stopped_band_is_one_octave(where: float, octave: int) -> None:
    """Of noise: the octaves below half the sample rate, counted from there, that fall silent."""
    signal = torch.randn(4096)
    before, after = torch.fft.rfft(signal), torch.fft.rfft(changed("band_stop", signal, where))
    low, high = 2048 // 2**octave, 2048 // 2 ** (octave - 1)
    inside = torch.zeros(2049, dtype=torch.bool)
    inside[low : high + 1] = True
    assert after[inside].abs().max() < 1e-3
    torch.testing.assert_close(after[~inside], before[~inside], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("num_samples", [1, 2, 997])
def test_every_change_keeps_any_length(num_samples: int) -> None:
    signals = torch.randn(1, 2, 2, num_samples)
    uniforms = torch.full((1, 2, len(KINDS), 3), 0.3)
    assert augmented(signals, uniforms, KINDS, ALWAYS).shape == signals.shape


def test_a_time_mask_silences_a_stretch_within_the_segment() -> None:
    ones = torch.ones(100)
    masked = changed("time_mask", ones, where=0.5, size=0.8)  # 20 of 100, in the middle
    assert masked.tolist() == [1] * 40 + [0] * 20 + [1] * 40
    assert changed("time_mask", ones, where=1.0, size=1.0).tolist() == [1] * 75 + [0] * 25


def test_changes_come_as_often_as_their_probability_says_and_independently() -> None:
    uniforms = drawn(0, 0, paired(range(2000)), 2)
    signals = torch.ones(2000, 2, 1, 1)
    often = augmented(signals, uniforms, ["polarity"], torch.tensor([0.2, 0.7])) < 0
    shares = often.float().mean((0, 2, 3))
    assert shares.tolist() == pytest.approx([0.2, 0.7], abs=0.03)
    chosen = (uniforms[..., 0] < 0.5).float().flatten(1)  # (2000, S * kinds)
    correlations = torch.corrcoef(chosen.T) - torch.eye(2 * len(KINDS))
    assert correlations.abs().max() < 0.1


def test_real_signals_and_estimates_are_changed_alike() -> None:
    signals, uniforms = torch.randn(6, 2, 2, 300), drawn(1, 2, paired(range(6)), 2)
    half = torch.tensor([0.5, 0.5])
    first, second = (augmented(signals, uniforms, KINDS, half) for _ in range(2))
    assert torch.equal(first, second)
    # Linear, each of them: what is done to a sum is done to its parts.
    others = torch.randn(6, 2, 2, 300)
    parts = first + augmented(others, uniforms, KINDS, half)
    whole = augmented(signals + others, uniforms, KINDS, half)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)


def test_with_probability_zero_nothing_happens_to_any_bit() -> None:
    signals = torch.randn(3, 2, 1, 50)
    assert torch.equal(augmented(signals, drawn(0, 0, paired(range(3)), 2), KINDS, NEVER), signals)


def test_kinds_left_out_leave_the_others_as_they_were() -> None:
    signals, uniforms = torch.randn(3, 2, 1, 50), drawn(0, 0, paired(range(3)), 2)
    without: list[Kind] = [kind for kind in KINDS if kind != "gain"]
    silent_gain = uniforms.clone()
    silent_gain[:, :, KINDS.index("gain"), 0] = 1.0
    torch.testing.assert_close(
        augmented(signals, uniforms, without, ALWAYS),
        augmented(signals, silent_gain, KINDS, ALWAYS),
    )


def test_a_segment_is_changed_alike_in_any_batch() -> None:
    both = drawn(3, 7, paired([4, 5]), 2)
    assert torch.equal(drawn(3, 7, paired([5]), 2)[0], both[1])
    others = drawn(3, 8, paired([4, 5]), 2), drawn(4, 7, paired([4, 5]), 2), both.flip(0)
    assert not any(torch.equal(other, both) for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_flow_through_every_change(kind: Kind) -> None:
    """Along a random direction, against a difference of values."""
    signals, direction = torch.randn(2, 2, 2, 1, 64, dtype=torch.float64).unbind()
    uniforms = torch.full((2, 2, len(KINDS), 3), 0.3)
    weights = torch.randn(2, 2, 1, 64, dtype=torch.float64)

    def value(shift: float) -> Tensor:
        return (augmented(signals + shift * direction, uniforms, [kind], ALWAYS) * weights).sum()

    signals.requires_grad_()
    (gradient,) = torch.autograd.grad(value(0.0), signals)
    slope = (value(0.5) - value(-0.5)).item()
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-4)
    assert not math.isclose(slope, 0.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kinds": ()}, "kinds: expected some of shift, gain, polarity, band_stop, time_mask"),
        ({"kinds": ("gain", "gain")}, "kinds: expected some of"),
        ({"probability": 1.1}, "probability: expected 0 to 1, got 1.1"),
        ({"target": None}, "probability: expected above 0 where target is null"),
        ({"target": 1.0}, "target: expected a mean sign between -1 and 1 or null, got 1.0"),
        ({"ramp_segments": 0}, "ramp_segments: expected at least 1, got 0"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InputAugmentation(**fields)
