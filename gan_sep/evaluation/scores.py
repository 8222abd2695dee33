"""How tracks are evaluated, and the scores of one track."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.evaluation.level_metrics import energy_at_silence, high_band_ratio, noise_floor
from gan_sep.evaluation.metrics import bss_eval, bss_eval_v3, sdr, si_sdr, usdr
from gan_sep.evaluation.museval_metrics import museval_bss_eval, museval_bss_eval_v3
from gan_sep.evaluation.onset_metrics import onset_f1
from gan_sep.evaluation.oracles import ORACLES
from gan_sep.evaluation.separate import OverlapAdd
from gan_sep.evaluation.spectral_metrics import l1_freq, mr_stft, si_sdr_freq

# One value per source of a whole track, in a row of the metric's name.
WHOLE_TRACK: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "usdr": usdr,
    "si_sdr": si_sdr,
    "mr_stft": mr_stft,
    "l1_freq": l1_freq,
    "si_sdr_freq": si_sdr_freq,
    "high_band_ratio": high_band_ratio,
    "noise_floor": noise_floor,
}
# The same, of metrics that count in seconds and take the sample rate.
WHOLE_TRACK_AT_RATE: Mapping[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "energy_at_silence": energy_at_silence,
    "onset_f1": onset_f1,
}
METRICS = ("sdr", "bss_eval", "bss_v3", *WHOLE_TRACK, *WHOLE_TRACK_AT_RATE)

Scores = dict[str, list[float]]
"""Metric -> one value per source, in the order of `AudioFormat.sources`."""


@dataclass(frozen=True)
class ExcerptSettings:
    """Excerpts kept to be listened to: of the first `tracks` tracks, `seconds` each; 0 keeps none.

    Raises ValueError on a negative number of tracks and on less than one second.
    """

    tracks: int = 3
    seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.tracks < 0:
            raise ValueError(f"tracks: expected at least 0, got {self.tracks}")
        if self.seconds < 1:
            raise ValueError(f"seconds: expected at least 1, got {self.seconds}")


@dataclass(frozen=True)
class EvaluationSettings:
    """The section `evaluation` of an experiment.

    segment_seconds, overlap, shifts, max_shift_seconds, batch_size, normalize: how whole tracks are
        separated, see `OverlapAdd`.
    metrics: any of
        sdr       rows `sdr` (median of the frames) and `sdr_dropped` (share of the frames that
                  the silence rule removed)
        bss_eval  rows `isr`, `sir`, `sar`, medians of the frames
        bss_v3    rows `sdr_v3`, `sir_v3`, `sar_v3` over the whole clip, `nsdr_v3` (what sdr_v3
                  gains over the mixture) and `seconds` (the clip's weight)
        usdr, si_sdr, mr_stft, l1_freq, si_sdr_freq, energy_at_silence, high_band_ratio,
        noise_floor, onset_f1
                  a row of that name, see the functions of these names
    museval: rows `museval_sdr`, `isr`, `sir`, `sar` from museval itself, and those of `bss_v3` if
        it is among the metrics; minutes per song.
    oracles: any of ibm1, ibm2, irm1, irm2, mwf, see `gan_sep.evaluation.oracles`: each has rows of
        its own as an arm of this name, like the mixture.
    excerpts: what is kept to be listened to, see `gan_sep.evaluation.excerpts`.
    validation: some of the metrics, evaluated on the validation tracks besides: arms are chosen by
        these, so that the test tracks choose nothing.
    Raises ValueError on a value out of range, an unknown or repeated metric or oracle, and on
    `bss_eval` together with museval, which fill the same rows.
    """

    segment_seconds: float = 10.0
    overlap: float = 0.25
    shifts: int = 0
    max_shift_seconds: float = 0.5
    batch_size: int = 1
    normalize: bool = False
    metrics: tuple[str, ...] = ("sdr", "usdr", "si_sdr")
    museval: bool = False
    oracles: tuple[str, ...] = ()
    excerpts: ExcerptSettings = field(default_factory=ExcerptSettings)
    validation: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.segment_seconds <= 0:
            raise ValueError(f"segment_seconds: expected more than 0, got {self.segment_seconds}")
        if not 0 < self.max_shift_seconds <= self.segment_seconds:
            raise ValueError(
                f"max_shift_seconds: expected more than 0 and at most segment_seconds "
                f"({self.segment_seconds}), got {self.max_shift_seconds}"
            )
        self.overlap_add(AudioFormat(), seed=0)  # raises on an overlap, shifts or batch_size
        _check_names("metrics", self.metrics, METRICS)
        _check_names("validation", self.validation, METRICS)
        _check_names("oracles", self.oracles, tuple(ORACLES))
        if not self.metrics and not self.museval:
            raise ValueError(f"metrics: expected at least one of {', '.join(METRICS)}, got none")
        if self.museval and "bss_eval" in self.metrics:
            raise ValueError("metrics: bss_eval and museval fill the same rows; choose one of them")

    def of_validation(self) -> "EvaluationSettings":
        """The same for the validation tracks: their metrics, and nothing to look at."""
        nothing = ExcerptSettings(tracks=0)
        return replace(
            self,
            metrics=self.validation,
            museval=False,
            oracles=(),
            excerpts=nothing,
            validation=(),
        )

    def overlap_add(self, audio: AudioFormat, seed: int) -> OverlapAdd:
        """How to separate tracks of this format; seed draws the delays of the shift trick."""
        return OverlapAdd(
            segment_samples=audio.samples(self.segment_seconds),
            overlap=self.overlap,
            shifts=self.shifts,
            max_shift=audio.samples(self.max_shift_seconds) if self.shifts else 0,
            batch_size=self.batch_size,
            seed=seed,
            normalize=self.normalize,
        )


def track_scores(
    references: Tensor, estimates: Tensor, sample_rate: int, settings: EvaluationSettings
) -> Scores:
    """The chosen metrics of one track; references, estimates: (S, C, T), same source order.

    `nsdr_v3` needs the mixture's scores too and is left to the caller. Raises ValueError where the
    shapes differ or an estimate holds NaN or inf.
    """
    if references.shape != estimates.shape:
        raise ValueError(
            f"expected estimates of the references' shape {tuple(references.shape)}, "
            f"got {tuple(estimates.shape)}"
        )
    if not torch.isfinite(estimates).all():
        raise ValueError(
            "estimates hold NaN or inf: look at the generator's weights and the track's sources"
        )
    scores: Scores = {}
    for metric in settings.metrics:
        if metric == "bss_v3":
            bss_v3 = museval_bss_eval_v3 if settings.museval else bss_eval_v3
            scores |= _clip_scores(bss_v3(references, estimates), references, sample_rate)
        else:
            scores |= _metric_scores(metric, references, estimates, sample_rate)
    if settings.museval:
        frame_scores = dict(museval_bss_eval(references, estimates, sample_rate))
        scores["museval_sdr"] = _medians(frame_scores.pop("sdr"))
        scores |= {name: _medians(values) for name, values in frame_scores.items()}
    return scores


def _metric_scores(metric: str, references: Tensor, estimates: Tensor, sample_rate: int) -> Scores:
    if metric == "sdr":
        ratios = sdr(references, estimates, sample_rate)  # (S, N)
        dropped = ratios.isnan().double().mean(-1)  # (S,)
        return {"sdr": _medians(ratios), "sdr_dropped": dropped.tolist()}
    if metric == "bss_eval":
        frame_scores = bss_eval(references, estimates, sample_rate)
        return {name: _medians(frame_scores[name]) for name in ("isr", "sir", "sar")}
    if metric in WHOLE_TRACK_AT_RATE:
        values = WHOLE_TRACK_AT_RATE[metric](references, estimates, sample_rate)
    else:
        values = WHOLE_TRACK[metric](references, estimates)
    return {metric: values.tolist()}


def _clip_scores(by_name: Mapping[str, Tensor], references: Tensor, sample_rate: int) -> Scores:
    """The rows of BSSEval v3, of the ratios by name, each (S,), and the clip's length."""
    seconds = references.shape[-1] / sample_rate
    named = {f"{name}_v3": values.tolist() for name, values in by_name.items()}
    return named | {"seconds": [seconds] * references.shape[0]}


def _check_names(field: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{field}: expected some of {', '.join(known)}, got {unknown[0]!r}")
    if len(set(names)) != len(names):
        raise ValueError(f"{field}: expected each at most once, got {list(names)}")


def _medians(frame_scores: Tensor) -> list[float]:
    """The median of each source's frames, NaN frames left out: (S, N) -> S values.

    Of an even number of frames it is the mean of the middle two, as in museval and unlike
    torch.nanmedian; NaN where no frame is left.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        return np.nanmedian(frame_scores.cpu().numpy(), axis=-1).tolist()
