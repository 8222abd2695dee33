"""The settings refuse what cannot be, and a track's scores are the metrics' own."""

import math
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.evaluation.metrics import bss_eval, bss_eval_v3, sdr, usdr
from gan_sep.evaluation.metrics.levels import energy_at_silence
from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval_v3
from gan_sep.evaluation.metrics.spectral import mr_stft
from gan_sep.evaluation.scores import EvaluationSettings, track_scores

SAMPLE_RATE = 1000


def pair(channels: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    references = torch.randn(2, channels, 5 * SAMPLE_RATE, generator=generator)
    references[0, :, :SAMPLE_RATE] = 0
    return references, references + 0.5 * references.flip(0).roll(1, -1)


def scores_of(*metrics: str) -> dict[str, list[float]]:
    settings = EvaluationSettings(metrics=metrics)
    return track_scores(*pair(), SAMPLE_RATE, settings)


def test_sdr_is_the_median_of_the_frames_and_the_dropped_share_is_beside_it() -> None:
    scores = scores_of("sdr")
    frames = sdr(*pair(), SAMPLE_RATE)[:, 1:].numpy()  # four frames: a mean of the middle two
    assert scores["sdr"] == np.sort(frames)[:, 1:3].mean(1).tolist()
    assert scores["sdr_dropped"] == [0.2, 0.2]


def test_a_track_without_a_heard_frame_has_nan_and_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    references, estimates = pair()
    references[0] = 0
    settings = EvaluationSettings(metrics=("sdr",))
    scores = track_scores(references, estimates, SAMPLE_RATE, settings)
    assert all(math.isnan(value) for value in scores["sdr"])
    assert scores["sdr_dropped"] == [1, 1]
    assert not recwarn.list


def test_only_the_metrics_asked_for_are_computed_in_their_order() -> None:
    assert list(scores_of("usdr")) == ["usdr"]
    assert list(scores_of("si_sdr", "sdr")) == ["si_sdr", "sdr", "sdr_dropped"]
    assert scores_of("usdr")["usdr"] == usdr(*pair()).tolist()


def test_whole_track_metrics_fill_rows_of_their_names() -> None:
    names = [
        "mr_stft",
        "l1_freq",
        "si_sdr_freq",
        "high_band_ratio",
        "noise_floor",
        "energy_at_silence",
        "onset_f1",
    ]
    rate = 16_000
    references, estimates = pair()
    settings = EvaluationSettings(metrics=tuple(names))
    scores = track_scores(references, estimates, rate, settings)
    assert list(scores) == names
    assert scores["mr_stft"] == mr_stft(references, estimates).tolist()
    bleeding = energy_at_silence(references, estimates, rate)
    assert scores["energy_at_silence"] == pytest.approx(bleeding.tolist(), nan_ok=True)


def test_museval_and_bss_eval_have_the_same_values() -> None:
    pytest.importorskip("museval", exc_type=ImportError)
    theirs, ours = scores_of("museval"), scores_of("bss_eval", "sdr")
    assert list(theirs) == ["museval_sdr", "museval_isr", "museval_sir", "museval_sar"]
    assert theirs["museval_sdr"] == pytest.approx(ours["sdr"], abs=1e-6)
    for name in ("isr", "sir", "sar"):
        assert theirs[f"museval_{name}"] == pytest.approx(ours[name], abs=1e-3)
    frames = bss_eval(*pair(), SAMPLE_RATE)["sir"].numpy()
    assert ours["sir"] == np.nanmedian(frames, axis=1).tolist()


def test_bss_v3_carries_the_clip_s_length_and_needs_no_museval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "museval", None)
    scores = scores_of("bss_v3")
    assert set(scores) == {"nsdr_v3", "sdr_v3", "sir_v3", "sar_v3", "seconds"}
    assert scores["sir_v3"] == bss_eval_v3(*pair())["sir"].tolist()
    assert scores["seconds"] == [5.0, 5.0]


def test_bss_v3_of_museval_itself_is_a_group_of_its_own() -> None:
    pytest.importorskip("museval", exc_type=ImportError)
    theirs = scores_of("museval_v3")
    assert list(theirs) == ["museval_sdr_v3", "museval_sir_v3", "museval_sar_v3"]
    assert theirs["museval_sar_v3"] == museval_bss_eval_v3(*pair())["sar"].tolist()


def test_broken_estimates_are_refused() -> None:
    references, estimates = pair()
    with pytest.raises(ValueError, match=r"shape \(2, 1, 5000\), got \(2, 1, 4999\)"):
        track_scores(references, estimates[..., 1:], SAMPLE_RATE, EvaluationSettings())
    for broken in (math.nan, math.inf):
        estimates[1, 0, 7] = broken
        with pytest.raises(ValueError, match="estimates hold NaN or inf"):
            track_scores(references, estimates, SAMPLE_RATE, EvaluationSettings())


def test_seconds_become_samples_of_the_format() -> None:
    settings = EvaluationSettings(segment_seconds=2.0, shifts=2, max_shift_seconds=0.25)
    how = settings.overlap_add(AudioFormat(sample_rate=SAMPLE_RATE), seed=4)
    assert (how.segment_samples, how.max_shift, how.seed) == (2000, 250, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segment_seconds": 0}, "segment_seconds: expected at least 0.001, got 0"),
        ({"max_shift_seconds": 0}, "max_shift_seconds: expected more than 0"),
        ({"max_shift_seconds": 11.0}, r"at most segment_seconds \(10.0\), got 11.0"),
        ({"overlap": 1.0}, "overlap: expected"),
        ({"shifts": -1}, "shifts: expected"),
        ({"batch_size": 0}, "batch_size: expected"),
        ({"metrics": ("sdr", "snr")}, "metrics: expected some of sdr, .*, got 'snr'"),
        ({"metrics": ("sdr", "sdr")}, "metrics: expected each at most once"),
        ({"validation": ("nsdr",)}, "validation: expected some of sdr, .*, got 'nsdr'"),
        ({"oracles": ("irm3",)}, "oracles: expected some of ibm1, .*, got 'irm3'"),
        ({"oracles": ("mwf", "mwf")}, "oracles: expected each at most once"),
        ({"metrics": ()}, "metrics: expected at least one of"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluationSettings(**settings)  # type: ignore[arg-type]
