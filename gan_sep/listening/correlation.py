"""How well metrics follow listeners: correlations within songs and over all sounds, with intervals.

A sound's rating is the median over listeners. Intervals are those of the bootstrap over songs and
listeners at once. A ceiling is beside them: how well half of the listeners follow the other half,
stepped up to all of them by the formula of Spearman and Brown, and its square root, which a metric
that knew the true ratings would reach.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from gan_sep.listening.study import NOT_SEPARATED, ListeningStudy
from gan_sep.statistics.averages import Array

RESAMPLES = 400
CEILING = "listeners' agreement"
COLUMNS = ("within_spearman", "within_kendall", "pearson", "spearman", "kendall")


@dataclass(frozen=True)
class _Sounds:
    """The sounds of one experiment. ratings: (sounds, listeners, repeats), NaN where not rated.

    songs: of each song the places of its sounds. values: (sounds, metrics).
    """

    ratings: Array
    songs: Sequence[NDArray[np.int64]]
    values: Array

    @classmethod
    def of(cls, ratings: pd.DataFrame, values: pd.DataFrame) -> "_Sounds":
        repeat = ratings.groupby(["song", "sound", "listener"]).cumcount().rename("repeat")
        wide = ratings.assign(repeat=repeat).pivot(
            index=["song", "sound"], columns=["listener", "repeat"], values="rating"
        )
        listeners = wide.columns.get_level_values(0).unique()
        repeats = range(int(repeat.max()) + 1)
        wide = wide.reindex(columns=pd.MultiIndex.from_product([listeners, repeats]))
        names = wide.index.get_level_values("song")
        return cls(
            wide.to_numpy(np.float64).reshape(len(wide), len(listeners), -1),
            [np.flatnonzero(names == name) for name in names.unique()],
            values.reindex(wide.index).to_numpy(np.float64),
        )

    def medians(self, listeners: NDArray[np.int64]) -> Array:
        """Of drawn listeners (R, L) -> (R, sounds)."""
        drawn = self.ratings[:, listeners]  # (sounds, R, L, repeats)
        return np.asarray(np.nanmedian(drawn, axis=(2, 3)).T)


def correlations(study: ListeningStudy, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """One line per experiment, group of sounds and metric, the ceiling last.

    Columns experiment, sounds ("separated", or "all" with reference and anchors), metric, songs,
    points, then for each of COLUMNS the value and its ends, NAME_low and NAME_high, and
    within_median, the median over songs of Spearman's. A sound for which a metric has no value is
    left out for it.
    """
    lines = []
    for experiment, ratings in study.ratings.groupby("experiment"):
        separated = ratings[~ratings["sound"].isin(NOT_SEPARATED)]
        for group, chosen in (("separated", separated), ("all", ratings)):
            sounds = _Sounds.of(chosen, study.values)
            named = {"experiment": experiment, "sounds": group}
            table = _of_metrics(sounds, list(map(str, study.values)), resamples, seed)
            lines += [named | line for line in table]
            lines.append(named | {"metric": CEILING} | _ceiling(sounds, resamples, seed))
    return pd.DataFrame(lines)


def _of_metrics(
    sounds: _Sounds, metrics: Sequence[str], resamples: int, seed: int
) -> Iterator[dict[str, object]]:
    everybody = np.arange(sounds.ratings.shape[1])[None]
    generator = np.random.default_rng(seed)
    listeners = generator.integers(everybody.size, size=(resamples, everybody.size))
    songs = generator.integers(len(sounds.songs), size=(resamples, len(sounds.songs)))
    medians = sounds.medians(np.concatenate([everybody, listeners]))  # (1 + R, sounds)
    drawn = np.concatenate([np.arange(len(sounds.songs))[None], songs])  # (1 + R, songs)
    for name, values in zip(metrics, sounds.values.T, strict=True):
        there = np.isfinite(values)
        kept = [places[there[places]] for places in sounds.songs]
        found = _measures(values, medians, kept, drawn)  # each (1 + R,)
        line: dict[str, object] = {"metric": name, "songs": len(kept), "points": int(there.sum())}
        for column in COLUMNS:
            value, draws = found[column][0], found[column][1:]
            ends = (
                np.nanquantile(draws, [0.025, 0.975]) if np.isfinite(draws).any() else [np.nan] * 2
            )
            line |= {column: value, f"{column}_low": ends[0], f"{column}_high": ends[1]}
        yield line | {"within_median": found["within_median"][0]}


def _measures(
    values: Array, medians: Array, songs: Sequence[NDArray[np.int64]], drawn: NDArray[np.int64]
) -> dict[str, Array]:
    """COLUMNS and within_median of draws: medians (R, sounds), drawn songs (R, songs) -> (R,)."""
    within: dict[str, list[Array]] = {"spearman": [], "kendall": []}
    for places in songs:
        pair = np.broadcast_to(values[places], (len(medians), len(places))), medians[:, places]
        within["spearman"].append(spearman(*pair))
        within["kendall"].append(kendall(*pair))
    by_song = {name: np.stack(each, -1) for name, each in within.items()}  # (R, songs)
    chosen = {name: np.take_along_axis(each, drawn, 1) for name, each in by_song.items()}
    over: dict[str, list[float]] = {"pearson": [], "spearman": [], "kendall": []}
    for ratings, now in zip(medians, drawn, strict=True):
        places = np.concatenate([songs[song] for song in now])
        for name, measure in (("pearson", pearson), ("spearman", spearman), ("kendall", kendall)):
            over[name].append(float(measure(values[places], ratings[places])))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN|Mean of empty", RuntimeWarning)
        return {
            "within_spearman": np.nanmean(chosen["spearman"], 1),
            "within_median": np.nanmedian(chosen["spearman"], 1),
            "within_kendall": np.nanmean(chosen["kendall"], 1),
            **{name: np.array(each) for name, each in over.items()},
        }


def _ceiling(sounds: _Sounds, resamples: int, seed: int) -> dict[str, object]:
    """The square root of the reliability of the medians, from random halves of the listeners."""
    generator = np.random.default_rng(seed)
    count = sounds.ratings.shape[1]
    line: dict[str, object] = {"songs": len(sounds.songs), "points": len(sounds.values)}
    if count < 4:
        return line
    orders = generator.permuted(np.tile(np.arange(count), (min(resamples, 100), 1)), axis=1)
    halves = [sounds.medians(half) for half in np.array_split(orders, 2, axis=1)]
    everything = np.arange(len(sounds.songs))[None]
    found = [
        _measures(first, second[None], sounds.songs, everything)
        for first, second in zip(*halves, strict=True)
    ]
    for column in (*COLUMNS, "within_median"):
        half = max(0.0, float(np.nanmean([each[column][0] for each in found])))
        line[column] = np.sqrt(2 * half / (1 + half))
    return line


def pearson(first: Array, second: Array) -> Array:
    """Along the last axis; NaN where nothing differs."""
    if first.shape[-1] < 2:
        return np.full(first.shape[:-1], np.nan)
    first, second = (each - each.mean(-1, keepdims=True) for each in (first, second))
    product = (first * second).sum(-1)
    scale = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return np.divide(product, scale, out=np.full_like(scale, np.nan), where=scale > 0)


def spearman(first: Array, second: Array) -> Array:
    """Pearson's of the ranks, along the last axis."""
    return pearson(rankdata(first, axis=-1), rankdata(second, axis=-1))


def kendall(first: Array, second: Array) -> Array:
    """tau-b along the last axis."""
    signs = [np.sign(each[..., :, None] - each[..., None, :]) for each in (first, second)]
    product = (signs[0] * signs[1]).sum((-2, -1))
    scale = np.sqrt((signs[0] ** 2).sum((-2, -1)) * (signs[1] ** 2).sum((-2, -1)))
    return np.divide(product, scale, out=np.full_like(scale, np.nan), where=scale > 0)
