"""Does an arm do better than the plain one? Paired statistics over seeds and tracks.

Rows (seed, arm, track, source, metric, value) become one `Comparison` per statistic: the level of
every arm, and for each arm that is held against the baseline the `Effect` it has, the difference
with its interval and a verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gan_sep.statistics.averages import Array, average, equal_weights, redrawn_weights
from gan_sep.statistics.intervals import Noise, interval
from gan_sep.statistics.pairing import BASELINE, MIXTURE, REFERENCE_SYSTEMS, PairedValues
from gan_sep.statistics.power import seeds_needed
from gan_sep.statistics.significance import p_values
from gan_sep.statistics.statistic import Statistic

ALL = "All"
ONE_SEED = "one seed"
"""In place of a verdict: how much seeds differ is not known from one."""

RESAMPLES = 4000
_ROUNDING = 1e-12  # relative; sums of equal values differ by less
EFFECTS_TO_SEE = (0.1, 0.2)
"""In dB: published differences between separators of one family are of this size."""


@dataclass(frozen=True)
class Effect:
    """What an arm changes against the baseline. Arrays end in (S + 1): the sources, then All.

    difference, low, high: (S + 1,), arm - baseline and its 95 % interval, see `intervals`; it is
    NaN where fewer than two tracks count. seed_differences: (seeds, S + 1). track_differences:
    (tracks, S + 1), the mean over seeds, NaN where a track was left out. verdicts: (S + 1,).
    p_values: (S + 1,), see `significance`. seed_deviation: (S + 1,), standard deviation of the
    seed differences, NaN with one seed. seeds_needed: effect in dB -> (S + 1,), see `power`;
    empty where the statistic is not in dB.
    """

    difference: Array
    low: Array
    high: Array
    seed_differences: Array
    track_differences: Array
    verdicts: tuple[str, ...]
    p_values: Array
    seed_deviation: Array
    seeds_needed: Mapping[float, Array]


@dataclass(frozen=True)
class Comparison:
    """One statistic of all arms. Arrays end in (S + 1): the sources, then All, their mean.

    baseline: the arm that effects are differences from. levels: arm -> (S + 1,), in the order of
    `arms_in`. effects: arm -> what it changes, for every arm but the baseline, the mixture and the
    oracles. left_out: source -> names of the tracks
    without a finite value in every trained arm and seed and the mixture. removed: arm -> share of
    frames that the silence rule removed, empty where it plays no part.
    """

    statistic: Statistic
    baseline: str
    seeds: tuple[int, ...]
    tracks: tuple[str, ...]
    sources: tuple[str, ...]
    levels: Mapping[str, Array]
    effects: Mapping[str, Effect]
    left_out: Mapping[str, tuple[str, ...]]
    removed: Mapping[str, float]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names along (S + 1)."""
        return (*self.sources, ALL)

    @property
    def track_counts(self) -> tuple[int, ...]:
        """(S + 1,): the tracks that count; for All, those that count for at least one source."""
        left_out = [set(self.left_out[source]) for source in self.sources]
        return (
            *(len(self.tracks) - len(names) for names in left_out),
            len(self.tracks) - len(set.intersection(*left_out)),
        )


def verdict(
    low: float, high: float, better: Literal["higher", "lower"] = "higher", seeds: int = 2
) -> str:
    """What an interval of the difference arm - baseline says, in a word; of one seed nothing."""
    if np.isnan(low) or np.isnan(high):
        return "no interval"
    if seeds == 1:
        return ONE_SEED
    if low <= 0 <= high:
        return "undecided"
    return "better" if (low > 0) == (better == "higher") else "worse"


def compare(
    rows: pd.DataFrame,
    statistic: Statistic,
    resamples: int = RESAMPLES,
    seed: int = 0,
    baseline: str = BASELINE,
) -> Comparison:
    """One statistic of all arms, and the effect of each trained arm against the baseline.

    With several seeds a number is the mean of the seeds' numbers, as published tables give it; for
    the mean of tracks that is the same as averaging each track's difference over the seeds first.
    A track without a finite value (NaN of a silent reference, infinite for a perfect or an
    orthogonal estimate) in every trained arm and seed and the mixture is left out of that source,
    by name. An oracle takes no track away: lacking a value on a track that counts, it has no level.

    Raises ValueError as `PairedValues.of` does, where the baseline is no trained arm, and where a
    weighted mean lacks its weights.
    """
    paired = PairedValues.of(rows, statistic.metric)
    trained = [arm for arm in paired.arms if arm not in REFERENCE_SYSTEMS]
    if baseline not in trained:
        raise ValueError(f"baseline: expected one of {', '.join(trained)}, got {baseline}")
    table = _Table.of(paired, statistic, _weights(rows, paired, statistic))
    left_out = {
        source: tuple(np.array(paired.tracks)[~kept].tolist())
        for source, kept in zip(paired.sources, table.counted.T, strict=True)
    }
    weights = redrawn_weights(len(paired.tracks), resamples, seed)
    redrawn = table.redrawn_levels(baseline, weights)  # (draws, seeds, S + 1)
    effects = {
        arm: _effect(table, arm, baseline, table.redrawn_levels(arm, weights) - redrawn)
        for arm in paired.arms
        if arm not in (*REFERENCE_SYSTEMS, baseline)
    }
    return Comparison(
        statistic=statistic,
        baseline=baseline,
        seeds=paired.seeds,
        tracks=paired.tracks,
        sources=paired.sources,
        levels={arm: table.levels(arm).mean(0) for arm in paired.arms},
        effects=effects,
        left_out=left_out,
        removed=_removed_frames(rows, statistic),
    )


@dataclass(frozen=True)
class _Table:
    """The values of a statistic's metric that count. by_arm: arm -> (seeds, tracks, S), NaN where
    a track is left out. counted: (tracks, S). weights: (tracks, 1), positive."""

    statistic: Statistic
    by_arm: Mapping[str, Array]
    counted: NDArray[np.bool_]
    weights: Array

    @classmethod
    def of(cls, paired: PairedValues, statistic: Statistic, weights: Array) -> "_Table":
        values = np.abs(paired.array) if statistic.distance_from_zero else paired.array
        deciding = [arm == MIXTURE or arm not in REFERENCE_SYSTEMS for arm in paired.arms]
        counted = np.asarray(np.isfinite(values[deciding]).all((0, 1)))  # (tracks, S)
        kept = np.where(counted & np.isfinite(values), values, np.nan)  # (arms, seeds, tracks, S)
        return cls(statistic, dict(zip(paired.arms, kept, strict=True)), counted, weights)

    def levels(self, arm: str) -> Array:
        """Of each seed: (seeds, S + 1), NaN where the arm lacks a value of a track that counts."""
        values = self.by_arm[arm]  # (seeds, tracks, S)
        complete = (np.isfinite(values) | ~self.counted).all((0, 1))  # (S,)
        of_sources = self._averages(arm, equal_weights(len(self.counted)))[0]  # (seeds, S)
        return with_all(np.where(complete, of_sources, np.nan))

    def redrawn_levels(self, arm: str, weights: Array) -> Array:
        """The same of redrawn tracks, (tracks, draws): (draws, seeds, S + 1)."""
        return with_all(self._averages(arm, weights))

    def track_counts(self) -> Array:
        """(S + 1,): the tracks that count; for All, those that count for at least one source."""
        return np.append(self.counted.sum(0), self.counted.any(1).sum()).astype(np.float64)

    def _averages(self, arm: str, weights: Array) -> Array:
        how: Literal["mean", "median"] = "median" if self.statistic.average == "median" else "mean"
        return average(self.by_arm[arm], self.weights * weights, how)


def _effect(table: _Table, arm: str, baseline: str, redrawn: Array) -> Effect:
    level = table.levels(baseline)  # (seeds, S + 1)
    by_seed = table.levels(arm) - level
    by_seed[abs(by_seed) <= _ROUNDING * abs(level)] = 0  # not -0.00 on one machine alone
    by_track = with_all((table.by_arm[arm] - table.by_arm[baseline]).mean(0))  # (tracks, S + 1)
    noise = Noise.of(by_seed, redrawn, table.track_counts())
    low, high = interval(by_seed.mean(0), noise)
    better = table.statistic.better
    in_decibels = table.statistic.unit.startswith("dB")
    return Effect(
        difference=by_seed.mean(0),
        low=low,
        high=high,
        seed_differences=by_seed,
        track_differences=by_track,
        verdicts=tuple(
            verdict(*ends, better, len(by_seed)) for ends in zip(low, high, strict=True)
        ),
        p_values=p_values(by_track),
        seed_deviation=np.sqrt(len(by_seed) * noise.from_seeds),
        seeds_needed={size: seeds_needed(noise, size) for size in EFFECTS_TO_SEE if in_decibels},
    )


def _weights(rows: pd.DataFrame, paired: PairedValues, statistic: Statistic) -> Array:
    """(tracks, 1): the tracks' seconds for a weighted mean, else ones."""
    if statistic.average != "weighted mean":
        return equal_weights(len(paired.tracks))
    seconds = PairedValues.of(rows, "seconds")
    if seconds.tracks != paired.tracks:
        differing = sorted(set(seconds.tracks) ^ set(paired.tracks))
        raise ValueError(
            f"metric seconds: expected the tracks of {statistic.metric}, which it weighs; "
            f"{differing[0]} has rows of one of them only"
        )
    lengths = seconds.array[0, 0, :, :1]  # (tracks, 1)
    if not np.allclose(seconds.array, lengths, rtol=1e-6, atol=0):
        differ = np.ptp(seconds.array, axis=(0, 1, 3)).argmax()
        raise ValueError(
            f"metric seconds: expected one length of {seconds.tracks[differ]} in all arms and "
            "seeds, got several; the arms were evaluated on different data: evaluate all alike"
        )
    if not np.all(lengths > 0):
        track = seconds.tracks[int(np.argmin(lengths > 0))]
        raise ValueError(
            f"metric seconds: expected a positive length of {track}, got {lengths.min()}; evaluate "
            "again"
        )
    return lengths


def with_all(values: Array) -> Array:
    """Appends All, the mean of the sources: (..., S) -> (..., S + 1)."""
    return np.concatenate([values, values.mean(-1, keepdims=True)], axis=-1)


def _removed_frames(rows: pd.DataFrame, statistic: Statistic) -> dict[str, float]:
    """Arm -> share of frames without a value, the mean over seeds and tracks."""
    if statistic.metric != "sdr" or "sdr_dropped" not in set(rows["metric"]):
        return {}
    shares = PairedValues.of(rows, "sdr_dropped")
    return dict(zip(shares.arms, shares.array.mean((1, 2, 3)).tolist(), strict=True))
