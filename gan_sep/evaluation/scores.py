"""How tracks are evaluated, and the scores of one track."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.evaluation import metrics
from gan_sep.evaluation.references import ORACLES
from gan_sep.evaluation.separate import OverlapAdd
from gan_sep.ranges import SHORTEST_SECONDS, at_least

Scores = dict[str, list[float]]
"""Metric -> one value per source, in the order of `AudioFormat.sources`."""


@dataclass(frozen=True)
class ExcerptSettings:
    """Raises ValueError on a negative number of tracks and on less than one second."""

    tracks: int = 3  # the first ones, of which excerpts are kept to be listened to; 0 keeps none
    seconds: float = 8.0  # of each

    def __post_init__(self) -> None:
        at_least(0, self, "tracks")
        at_least(1, self, "seconds")


@dataclass(frozen=True)
class EvaluationSettings:
    """The section `evaluation`: how whole tracks are separated, see `OverlapAdd`, and scored.

    Raises ValueError on a value out of range, and on an unknown or repeated metric or oracle.
    """

    # length of the excerpts that are separated one by one, at most a song's
    segment_seconds: float = 10.0
    overlap: float = 0.25  # share of an excerpt that the next one has too
    shifts: int = 0  # estimates are averaged over this many random delays of the mixture
    max_shift_seconds: float = 0.5  # of these delays
    batch_size: int = 1  # excerpts at once
    normalize: bool = False  # the mixture to mean 0 and deviation 1 before it is separated
    transition_power: float = 1.0  # sharpens the fades between excerpts where above 1
    # The last excerpt reaches back to be as long as the others, or ends with the track, as the
    # published Demucs cuts.
    last_piece: Literal["full", "short"] = "full"
    metrics: tuple[str, ...] = ("sdr", "usdr", "si_sdr")  # metrics and groups, see docs/metrics.md
    oracles: tuple[str, ...] = ()  # of ibm1, ibm2, irm1, irm2, mwf: rows as arms of these names
    excerpts: ExcerptSettings = field(default_factory=ExcerptSettings)  # kept to be listened to
    validation: tuple[str, ...] = ()  # metrics of the validation tracks, by which arms are chosen

    def __post_init__(self) -> None:
        at_least(SHORTEST_SECONDS, self, "segment_seconds")
        if not 0 < self.max_shift_seconds <= self.segment_seconds:
            raise ValueError(
                f"max_shift_seconds: expected more than 0 and at most segment_seconds "
                f"({self.segment_seconds}), got {self.max_shift_seconds}"
            )
        self.overlap_add(AudioFormat(), seed=0)  # raises on an overlap, shifts or batch_size
        _check_names("metrics", self.metrics, metrics.choices())
        _check_names("validation", self.validation, metrics.choices())
        _check_names("oracles", self.oracles, ORACLES)
        if not self.metrics:
            known = ", ".join(metrics.choices())
            raise ValueError(f"metrics: expected at least one of {known}, got none")

    def of_validation(self) -> "EvaluationSettings":
        """The same for the validation tracks: their metrics, and nothing to look at."""
        none = ExcerptSettings(tracks=0)
        return replace(self, metrics=self.validation, oracles=(), excerpts=none, validation=())

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
            transition_power=self.transition_power,
            last_piece=self.last_piece,
        )


def track_scores(
    references: Tensor, estimates: Tensor, sample_rate: int, settings: EvaluationSettings
) -> Scores:
    """The chosen metrics of one track; references, estimates: (S, C, T), same source order.

    Raises ValueError where the shapes differ or an estimate holds NaN or inf.
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
    for metric in metrics.chosen(settings.metrics).values():
        for row, function in {metric.name: metric.function, **metric.beside}.items():
            if row not in scores:
                scores[row] = function(references, estimates, sample_rate).tolist()
    return scores


def _check_names(field: str, names: Sequence[str], known: Collection[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{field}: expected some of {', '.join(known)}, got {unknown[0]!r}")
    if len(set(names)) != len(names):
        raise ValueError(f"{field}: expected each at most once, got {list(names)}")
