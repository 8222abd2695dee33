"""Onsets found where they were put, and F1 values counted by hand."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.onsets import onset_f1, onset_times

RATE = 16000
SECONDS = 4.5
TIMES = [0.4 + 0.37 * beat for beat in range(10)]


def pad() -> Tensor:
    """A sustained chord over quiet noise, (1, T)."""
    seconds = torch.arange(int(SECONDS * RATE)) / RATE
    tones = sum((6.283 * hertz * seconds).sin() for hertz in (220, 277, 330))
    random = torch.Generator().manual_seed(1)
    return (0.03 * tones + 1e-3 * torch.randn(len(seconds), generator=random))[None]


def hits(times: Sequence[float]) -> Tensor:
    """Decaying bursts of noise that begin at the given seconds, (1, T)."""
    random = torch.Generator().manual_seed(0)
    signal = torch.zeros(1, int(SECONDS * RATE))
    decay = (-torch.arange(RATE // 4) / (0.05 * RATE)).exp()
    for time in times:
        start = round(time * RATE)
        burst = 0.5 * decay * torch.randn(len(decay), generator=random)
        signal[0, start : start + len(decay)] += burst
    return signal


def f1(reference: Tensor, estimate: Tensor) -> float:
    return float(onset_f1(reference[None], estimate[None], RATE))


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_onsets_lie_where_something_begins(rate: int) -> None:
    signal = torch.nn.functional.interpolate(hits(TIMES)[None], scale_factor=rate / RATE)[0]
    found, _ = onset_times(signal, signal, rate)
    # A window of 46 ms sees a hit 23 ms ahead.
    assert found == pytest.approx(TIMES, abs=0.023)


def test_the_reference_itself_has_every_onset() -> None:
    for signal in (hits(TIMES), pad() + hits(TIMES)):
        assert f1(signal, signal) == 1


def test_onsets_do_not_depend_on_the_level_or_on_an_unheard_floor() -> None:
    signal = hits(TIMES)
    assert f1(1e-3 * signal, 1e-3 * signal) == 1
    random = torch.Generator().manual_seed(2)
    assert f1(signal, signal + 1e-3 * torch.randn(signal.shape, generator=random)) == 1


def test_removed_attacks_are_missing_onsets() -> None:
    reference = pad() + hits(TIMES)
    # The pad's own beginning is an onset too: 11 in the reference, 6 of them left.
    assert f1(reference, pad() + hits(TIMES[::2])) == pytest.approx(2 * 6 / (11 + 6))
    assert f1(reference, pad()) == pytest.approx(2 * 1 / (11 + 1))


def test_attacks_that_bleed_in_are_too_many_onsets() -> None:
    between = [time + 0.18 for time in TIMES[:5]]
    assert f1(hits(TIMES), hits(sorted(TIMES + between))) == pytest.approx(2 * 10 / (10 + 15))


def test_onsets_match_within_50_milliseconds() -> None:
    assert f1(hits(TIMES), hits([time + 0.03 for time in TIMES])) == 1
    assert f1(hits(TIMES), hits([time + 0.1 for time in TIMES])) == 0


def test_silent_estimates_have_no_onset_and_silent_references_no_value() -> None:
    silence = torch.zeros_like(pad())
    assert f1(hits(TIMES), silence) == 0
    assert torch.isnan(onset_f1(silence[None], hits(TIMES)[None], RATE)).all()


def test_every_source_has_its_own_value() -> None:
    references = torch.stack([hits(TIMES), pad() + hits(TIMES)]).expand(2, 2, -1)
    estimates = torch.stack([hits(TIMES), pad()]).expand(2, 2, -1)
    values = onset_f1(references, estimates, RATE)
    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx([1, 1 / 6])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"differ in shape.*\(1, 1, 72000\).*\(1, 1, 71999\)"):
        onset_f1(pad()[None], pad()[None, :, 1:], RATE)
