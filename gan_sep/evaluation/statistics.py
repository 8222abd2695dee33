"""Does an arm do better than the plain one? Paired statistics over seeds and tracks.

Rows (seed, arm, track, source, metric, value) become one `Comparison` per statistic: the level of
every arm, and for each arm that is held against the baseline the `Effect` it has, the difference
with its interval and a verdict.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap

from gan_sep.evaluation.pairing import BASELINE, BOUNDS, PairedValues

ALL = "All"
RESAMPLES = 10_000
CONFIDENCE = 0.95

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """How the tracks' values of one metric become one number per source.

    The weighted mean weighs a track by its length, which rows of the metric `seconds` tell. Of a
    metric whose best value is 0 from both sides, such as a level against the reference's, the
    distance from 0 is averaged.
    """

    name: str
    metric: str
    average: Literal["median", "mean", "weighted mean"]
    title: str
    unit: str = "dB"
    better: Literal["higher", "lower"] = "higher"
    distance_from_zero: bool = False


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
        Statistic(
            "mr_stft",
            "mr_stft",
            "mean",
            "Multi-resolution STFT distance, mean of tracks",
            "",
            "lower",
        ),
        Statistic(
            "l1_freq",
            "l1_freq",
            "mean",
            "L1 of magnitude spectrograms, mean of tracks",
            "",
            "lower",
        ),
        Statistic("si_sdr_freq", "si_sdr_freq", "mean", "SI-SDR of magnitudes, mean of tracks"),
        Statistic(
            "energy_at_silence",
            "energy_at_silence",
            "mean",
            "Energy where the reference is silent, mean of tracks",
            "dB full scale",
            "lower",
        ),
        Statistic(
            "high_band_ratio",
            "high_band_ratio",
            "mean",
            "Upper half band off the reference's by, mean of tracks",
            "dB",
            "lower",
            True,
        ),
        Statistic(
            "noise_floor",
            "noise_floor",
            "mean",
            "Noise floor off the reference's by, mean of tracks",
            "dB",
            "lower",
            True,
        ),
        Statistic("onset_f1", "onset_f1", "mean", "F1 of onsets, mean of tracks", ""),
    )
}


@dataclass(frozen=True)
class Effect:
    """What an arm changes against the baseline. Arrays end in (S + 1): the sources, then All.

    difference, low, high: (S + 1,), arm - baseline and its 95 % interval, which is NaN where too
    few tracks are left to draw from. seed_differences: (seeds, S + 1). track_differences:
    (tracks, S + 1), the mean over seeds, NaN where a track was left out. verdicts: (S + 1,).
    """

    difference: Array
    low: Array
    high: Array
    seed_differences: Array
    track_differences: Array
    verdicts: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One statistic of all arms. Arrays end in (S + 1): the sources, then All, their mean.

    levels: arm -> (S + 1,), in the order of `arms_in`. effects: arm -> what it changes, for every
    arm but the baseline, the mixture and the oracles. left_out: source -> names of the tracks
    without a finite value in every trained arm and seed and the mixture. removed: arm -> share of
    frames that the silence rule removed, empty where it plays no part.
    """

    statistic: Statistic
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


def verdict(low: float, high: float, better: Literal["higher", "lower"] = "higher") -> str:
    """What an interval of the difference arm - baseline says, in a word."""
    if np.isnan(low) or np.isnan(high):
        return "no interval"
    if low <= 0 <= high:
        return "undecided"
    return "better" if (low > 0) == (better == "higher") else "worse"


def available(rows: pd.DataFrame) -> tuple[Statistic, ...]:
    """The statistics for whose metric there are rows."""
    metrics = set(rows["metric"])
    return tuple(s for s in STATISTICS.values() if s.metric in metrics)


def compare(
    rows: pd.DataFrame, statistic: Statistic, resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """One statistic of all arms, and the effect of each arm that is held against the baseline.

    With several seeds a number is the mean of the seeds' numbers, as published tables give it; for
    the mean of tracks that is the same as averaging each track's difference over the seeds first.
    A track is drawn with all its sources, all arms and all seeds: the interval speaks of other
    tracks, not of other seeds. A track without a finite value in every trained arm and seed is left
    out of that source, by name.

    Raises ValueError as `PairedValues.of` does, and where a weighted mean lacks its weights.
    """
    paired = PairedValues.of(rows, statistic.metric)
    weights = _weights(rows, paired, statistic)  # (tracks,)
    values = np.abs(paired.array) if statistic.distance_from_zero else paired.array
    counted = [arm not in BOUNDS[1:] for arm in paired.arms]  # an oracle takes no track away
    finite = np.asarray(np.isfinite(values[counted]).all((0, 1)))  # (tracks, S)
    values = np.where(finite, values, np.nan)  # (arms, seeds, tracks, S)
    by_arm = dict(zip(paired.arms, values, strict=True))  # arm -> (seeds, tracks, S)

    def levels(arm: str, drawn: Any = slice(None)) -> Array:
        """Of each seed: (seeds, ..., S + 1)."""
        tracks = by_arm[arm][:, drawn]  # (seeds, ..., tracks, S)
        return _with_all(_average(tracks, weights[drawn], statistic.average))

    def effect(arm: str) -> Effect:
        def difference(drawn: Any) -> Array:
            return (levels(arm, drawn) - levels(BASELINE, drawn)).mean(0)

        low, high = _interval(difference, len(paired.tracks), resamples, seed)
        return Effect(
            difference=difference(slice(None)),
            low=low,
            high=high,
            seed_differences=levels(arm) - levels(BASELINE),
            track_differences=_with_all((by_arm[arm] - by_arm[BASELINE]).mean(0)),
            verdicts=tuple(
                verdict(*ends, statistic.better) for ends in zip(low, high, strict=True)
            ),
        )

    return Comparison(
        statistic=statistic,
        seeds=paired.seeds,
        tracks=paired.tracks,
        sources=paired.sources,
        levels={arm: levels(arm).mean(0) for arm in paired.arms},
        effects={arm: effect(arm) for arm in paired.arms if arm not in (*BOUNDS, BASELINE)},
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
    shares = PairedValues.of(rows, "sdr_dropped")
    return dict(zip(shares.arms, shares.array.mean((1, 2, 3)).tolist(), strict=True))
