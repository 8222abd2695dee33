"""Is the GAN arm better than the plain one? Paired statistics over tracks, with their intervals.

Rows (seed, arm, track, source, metric, value) become one `Comparison` per statistic: the level of
every arm, the difference gan - plain, and a bootstrap interval of that difference over tracks.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from gan_sep.evaluation.pairing import ARMS, PairedValues

ALL = "All"
RESAMPLES = 10_000
CONFIDENCE = 0.95

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """How the tracks' values of one metric become one number per source, in dB.

    The weighted mean weighs a track by its length, which rows of the metric `seconds` tell.
    """

    name: str
    metric: str
    average: Literal["median", "mean", "weighted mean"]
    title: str


STATISTICS = {
    statistic.name: statistic
    for statistic in (
        Statistic("sdr", "sdr", "median", "SDR (BSSEval v4), median of tracks"),
        Statistic("sdr_mean", "sdr", "mean", "SDR (BSSEval v4), mean of tracks"),
        Statistic("usdr", "usdr", "mean", "uSDR (whole tracks), mean of tracks"),
        Statistic("si_sdr", "si_sdr", "mean", "SI-SDR (whole tracks), mean of tracks"),
        Statistic("museval_sdr", "museval_sdr", "median", "SDR (museval), median of tracks"),
        Statistic("isr", "isr", "median", "ISR (BSSEval v4), median of tracks"),
        Statistic("sir", "sir", "median", "SIR (BSSEval v4), median of tracks"),
        Statistic("sar", "sar", "median", "SAR (BSSEval v4), median of tracks"),
        Statistic("gnsdr", "nsdr_v3", "weighted mean", "GNSDR (BSSEval v3), length-weighted mean"),
        Statistic("gsir", "sir_v3", "weighted mean", "GSIR (BSSEval v3), length-weighted mean"),
        Statistic("gsar", "sar_v3", "weighted mean", "GSAR (BSSEval v3), length-weighted mean"),
    )
}


@dataclass(frozen=True)
class Comparison:
    """One statistic of the three arms. Arrays end in (S + 1): the sources, then All, their mean.

    levels: arm -> (S + 1,), dB. difference, low, high: (S + 1,), gan - plain and its 95 % interval,
    which is NaN where too few tracks are left to draw from. seed_differences: (seeds, S + 1).
    track_differences: (tracks, S + 1), the mean over seeds, NaN where a track was left out.
    left_out: source -> names of the tracks without a finite value in every arm and seed.
    removed: arm -> share of frames that the silence rule removed, empty where it plays no part.
    """

    statistic: Statistic
    seeds: tuple[int, ...]
    tracks: tuple[str, ...]
    sources: tuple[str, ...]
    levels: Mapping[str, Array]
    difference: Array
    low: Array
    high: Array
    seed_differences: Array
    track_differences: Array
    left_out: Mapping[str, tuple[str, ...]]
    removed: Mapping[str, float]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names along (S + 1)."""
        return (*self.sources, ALL)

    @property
    def track_counts(self) -> tuple[int, ...]:
        """(S + 1,): the tracks that count; for All, those that count for at least one source."""
        counted = np.isfinite(self.track_differences[:, :-1])  # (tracks, S)
        return (*counted.sum(0).tolist(), int(counted.any(1).sum()))

    @property
    def verdicts(self) -> tuple[str, ...]:
        """(S + 1,): where the interval lies."""
        return tuple(verdict(low, high) for low, high in zip(self.low, self.high, strict=True))


def verdict(low: float, high: float) -> str:
    """Where an interval of the difference gan - plain lies, in words."""
    if np.isnan(low) or np.isnan(high):
        return "no interval"
    if low > 0:
        return "above 0"
    return "below 0" if high < 0 else "undecided"


def available(rows: pd.DataFrame) -> tuple[Statistic, ...]:
    """The statistics for whose metric there are rows."""
    metrics = set(rows["metric"])
    return tuple(s for s in STATISTICS.values() if s.metric in metrics)


def compare(
    rows: pd.DataFrame, statistic: Statistic, resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """One statistic of all arms, and the bootstrap interval of gan - plain over tracks.

    With several seeds a number is the mean of the seeds' numbers, as published tables give it; for
    the mean of tracks that is the same as averaging each track's difference over the seeds first.
    A track is drawn with all its sources, both arms and all seeds: the interval speaks of other
    tracks, not of other seeds. A track without a finite value in every arm and seed is left out of
    that source, by name.

    Raises ValueError as `PairedValues.of` does, and where a weighted mean lacks its weights.
    """
    paired = PairedValues.of(rows, statistic.metric)
    weights = _weights(rows, paired, statistic)  # (tracks,)
    finite = np.asarray(np.isfinite(paired.array).all((0, 1)))  # (tracks, S)
    values = np.where(finite, paired.array, np.nan)  # (arms, seeds, tracks, S)
    by_arm = dict(zip(ARMS, values, strict=True))  # arm -> (seeds, tracks, S)

    def levels(arm: str, drawn: Any = slice(None)) -> Array:
        """Of each seed: (seeds, ..., S + 1)."""
        tracks = by_arm[arm][:, drawn]  # (seeds, ..., tracks, S)
        return _with_all(_average(tracks, weights[drawn], statistic.average))

    def difference(drawn: Any) -> Array:
        return (levels("gan", drawn) - levels("plain", drawn)).mean(0)

    low, high = _interval(difference, len(paired.tracks), resamples, seed)
    return Comparison(
        statistic=statistic,
        seeds=paired.seeds,
        tracks=paired.tracks,
        sources=paired.sources,
        levels={arm: levels(arm).mean(0) for arm in ARMS},
        difference=difference(slice(None)),
        low=low,
        high=high,
        seed_differences=levels("gan") - levels("plain"),
        track_differences=_with_all((by_arm["gan"] - by_arm["plain"]).mean(0)),
        left_out={
            source: tuple(np.array(paired.tracks)[~kept].tolist())
            for source, kept in zip(paired.sources, finite.T, strict=True)
        },
        removed=_removed_frames(rows, statistic),
    )


def _weights(rows: pd.DataFrame, paired: PairedValues, statistic: Statistic) -> Array:
    """(tracks,): the tracks' seconds for a weighted mean, else ones."""
    if statistic.average != "weighted mean":
        return np.ones(len(paired.tracks))
    seconds = PairedValues.of(rows, "seconds")
    if seconds.tracks != paired.tracks:
        differing = sorted(set(seconds.tracks) ^ set(paired.tracks))
        raise ValueError(
            f"metric seconds: expected the tracks of {statistic.metric}, which it weighs; "
            f"{differing[0]} has rows of one of them only"
        )
    return seconds.array[0, 0, :, 0]


def _average(values: Array, weights: Array, how: str) -> Array:
    """Over tracks, NaN left out: (..., tracks, S), (..., tracks) -> (..., S); NaN of nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN|invalid value", RuntimeWarning)
        if how == "median":
            return np.asarray(np.nanmedian(values, axis=-2))
        share = np.where(np.isnan(values), 0, weights[..., None])  # (..., tracks, S)
        return np.asarray((share * np.nan_to_num(values)).sum(-2) / share.sum(-2))


def _with_all(values: Array) -> Array:
    """Appends All, the mean of the sources: (..., S) -> (..., S + 1)."""
    return np.concatenate([values, values.mean(-1, keepdims=True)], axis=-1)


def _interval(
    difference: Callable[[Any], Array], num_tracks: int, resamples: int, seed: int
) -> tuple[Array, Array]:
    """The percentile interval of a statistic of drawn track numbers, (..., tracks) -> (..., S + 1).

    Track numbers are drawn rather than values, so that both arms and all sources stay together.
    """
    if num_tracks < 2:
        nothing = np.full_like(difference(slice(None)), np.nan)
        return nothing, nothing
    with warnings.catch_warnings():
        # Draws without any track of a source make NaN, and that is what the interval then says.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        result = bootstrap(
            (np.arange(num_tracks),),
            lambda drawn, axis: np.moveaxis(difference(drawn), -1, 0),  # (S + 1, draws)
            n_resamples=resamples,
            batch=1000,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        )
    low, high = result.confidence_interval
    return np.asarray(low), np.asarray(high)


def _removed_frames(rows: pd.DataFrame, statistic: Statistic) -> dict[str, float]:
    """Arm -> share of frames without a value, the mean over seeds and tracks."""
    if statistic.metric != "sdr" or "sdr_dropped" not in set(rows["metric"]):
        return {}
    shares = PairedValues.of(rows, "sdr_dropped").array  # (arms, seeds, tracks, S)
    return dict(zip(ARMS, shares.mean((1, 2, 3)).tolist(), strict=True))
