"""What listeners said: ratings -> levels of the arms, and which metric says what listeners say.

Listening follows MUSHRA (ITU-R BS.1534-3, Method for the subjective assessment of intermediate
quality level of audio systems, 2015), with the mixture as the anchor.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from gan_sep.evaluation.metrics import METRICS
from gan_sep.listening.ratings import (
    REFERENCE,
    STIMULUS,
    TRIAL,
    Ratings,
    described,
    located,
    seedless,
)
from gan_sep.listening.study import good
from gan_sep.statistics.averages import Array
from gan_sep.statistics.compare import ALL, with_all
from gan_sep.statistics.pairing import BASELINE, MIXTURE

# The rule of BS.1534-3 by which a listener is left out of all averages.
RECOGNISED = 90.0
MISSED_SHARE = 0.15

RESAMPLES = 10_000
TAIL = 0.025  # on each side of a 95 % interval

_CELL = [*STIMULUS, *TRIAL]


@dataclass(frozen=True)
class Listening:
    """Levels of all arms, and how far each metric agrees with them.

    listeners: those who count. trials: of each listener. unreliable: see the function of this name;
        they count only if `keep_all`.
    levels, agreement: as the functions of these names give them.
    undirected: metrics of the rows that have no better and worse, and so no tau.
    """

    study: str
    listeners: tuple[str, ...]
    trials: int
    unreliable: Mapping[str, float]
    keep_all: bool
    levels: pd.DataFrame
    agreement: pd.DataFrame
    undirected: tuple[str, ...]

    @classmethod
    def of(cls, ratings: Ratings, rows: pd.DataFrame, keep_all: bool = False) -> Self:
        """Listeners who miss the hidden reference too often are left out unless `keep_all`.

        rows: of the evaluation of the same study, columns seed, arm, track, source, metric, value;
        theirs is the order of the sources.
        Raises ValueError where no listener is left, and where the rows lack a rated arm, seed,
        track or source.
        """
        rows = seedless(rows).drop_duplicates([*_CELL, "metric"])
        _check_known(ratings.table, rows)
        missing = unreliable(ratings.table)
        kept = ratings.table
        if not keep_all:
            kept = kept[~kept["listener"].isin(missing)]
        if kept.empty:
            raise ValueError(
                f"study {ratings.study}: of {len(missing)} listeners none is left; each rates the "
                f"hidden reference below {RECOGNISED:.0f} in more than {100 * MISSED_SHARE:.0f} % "
                "of the trials. Check the excerpts and the playback, or keep them with --keep-all"
            )
        sources = list(dict.fromkeys(rows["source"]))
        kept = kept.sort_values("source", key=lambda names: names.map(sources.index), kind="stable")
        return cls(
            study=ratings.study,
            listeners=tuple(sorted(kept["listener"].unique())),
            trials=len(kept[TRIAL].drop_duplicates()),
            unreliable=missing,
            keep_all=keep_all,
            levels=levels(kept),
            agreement=agreement(kept, rows),
            undirected=tuple(sorted(set(rows["metric"]) - set(METRICS))),
        )


def unreliable(ratings: pd.DataFrame) -> dict[str, float]:
    """Listener -> share of trials whose hidden reference got less than 90, where above 15 %."""
    reference = ratings[ratings["arm"] == REFERENCE]
    missed = (reference["rating"] < RECOGNISED).groupby(reference["listener"]).mean()
    return {str(name): float(share) for name, share in missed[missed > MISSED_SHARE].items()}


def levels(ratings: pd.DataFrame, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Mean ratings and differences to the baseline, each with its 95 % interval.

    One line per arm and source, All being the mean of the sources; columns arm, source, mean, low,
    high, difference, difference_low, difference_high, the last three NaN for the baseline itself.

    The interval is the percentile bootstrap of listeners, and within each drawn listener of that
    listener's trials; a drawn trial brings all its arms. It speaks of other listeners to these
    excerpts, not of other songs; with one listener it speaks of that one pair of ears. It is NaN
    where one trial of one listener is all there is. Where listeners differ as much as their trials,
    simulated intervals of 12 trials hold the truth 90 times in 100 with 10 listeners, 77 with 3.
    """
    arms, sources = _arms_in_order(ratings), list(dict.fromkeys(ratings["source"]))
    rated = [_rated(ratings, arms, source) for source in sources]  # S times (A, L, T)
    generator = np.random.default_rng(seed)
    listeners = rated[0].shape[1]
    drawn = generator.integers(listeners, size=(resamples, listeners))  # (R, L)
    drawn_means = [_drawn_means(each, drawn, generator) for each in rated]  # S times (A, R)
    means = with_all(np.stack([each.mean((1, 2)) for each in rated], -1))  # (A, S + 1)
    draws = with_all(np.stack(drawn_means, -1))  # (A, R, S + 1)
    baseline = arms.index(BASELINE)
    columns = {
        "mean": means,
        **_interval("", draws),
        "difference": means - means[baseline],
        **_interval("difference_", draws - draws[baseline]),
    }
    index = pd.MultiIndex.from_product([arms, [*sources, ALL]], names=["arm", "source"])
    table = pd.DataFrame({name: column.ravel() for name, column in columns.items()}, index)
    table.loc[BASELINE, ["difference", "difference_low", "difference_high"]] = math.nan
    return table.reset_index()


def agreement(ratings: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau-b of each metric with the mean rating; 1 where they rank everything alike.

    A point is one track, source, arm and seed: its rating is the mean over listeners. Metrics are
    turned so that a good one has a high tau whatever its direction. Columns metric, arms ("all", or
    "separated", without the mixture, which nearly every metric tells from a separation), source
    (All: the points of all sources together), tau, points, without_value: the points left out
    because the metric has no value there. tau is NaN where nothing differs.
    """
    points = ratings[ratings["arm"] != REFERENCE].groupby(_CELL, sort=False)["rating"].mean()
    values = rows.pivot(index=_CELL, columns="metric", values="value").reindex(points.index)
    lines = [
        (name, group, source, *_kendall(good(values.loc[chosen, name], metric), points))
        for name, metric in METRICS.items()
        if name in values
        for group, source, chosen in _groups(points)
    ]
    names = ["metric", "arms", "source", "tau", "points", "without_value"]
    return pd.DataFrame(lines, columns=names)


def _arms_in_order(ratings: pd.DataFrame) -> list[str]:
    """The reference, the mixture, the baseline, then the others by name."""
    first = [REFERENCE, MIXTURE, BASELINE]
    others = sorted(set(ratings["arm"]) - set(first))
    return [*(arm for arm in first if arm in set(ratings["arm"])), *others]


def _rated(ratings: pd.DataFrame, arms: list[str], source: str) -> Array:
    """Ratings of one source, the mean over seeds: (A, L, T), its trials along T."""
    table = ratings[ratings["source"] == source].pivot_table(
        index="arm", columns=["listener", "track"], values="rating"
    )
    listeners = ratings["listener"].nunique()
    return table.loc[arms].to_numpy().reshape(len(arms), listeners, -1)


def _drawn_means(rated: Array, drawn: NDArray[np.int64], generator: np.random.Generator) -> Array:
    """Means over drawn listeners and their drawn trials: (A, L, T), (R, L) -> (A, R).

    scipy's bootstrap has no second stage, so that both are drawn here.
    """
    trials = rated.shape[-1]
    if rated[0].size < 2:
        return np.full((len(rated), len(drawn)), math.nan)
    chosen = generator.integers(trials, size=(*drawn.shape, trials))  # (R, L, T)
    return np.stack([arm[drawn[..., None], chosen].mean((1, 2)) for arm in rated])


def _interval(prefix: str, draws: Array) -> dict[str, Array]:
    """The middle 95 % of the draws: (A, R, S + 1) -> low and high (A, S + 1)."""
    low, high = np.quantile(draws, [TAIL, 1 - TAIL], axis=1)
    return {f"{prefix}low": low, f"{prefix}high": high}


def _groups(points: pd.Series) -> Iterator[tuple[str, str, pd.Index]]:
    """The names of a group of arms and a source, and the points in them."""
    arms, sources = (points.index.get_level_values(name) for name in ("arm", "source"))
    everything = np.full(len(points), True)
    for group, in_group in (("all", everything), ("separated", arms != MIXTURE)):
        for source in dict.fromkeys(sources):
            yield group, source, points.index[in_group & (sources == source)]
        yield group, ALL, points.index[in_group]


def _kendall(good: pd.Series, points: pd.Series) -> tuple[float, int, int]:
    """tau, and the numbers of points with and without a value of the metric."""
    rated = good.dropna()
    if len(rated) < 2:
        return math.nan, len(rated), len(good) - len(rated)
    tau = kendalltau(rated, points[rated.index]).statistic
    return float(tau), len(rated), len(good) - len(rated)


def _check_known(ratings: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Every rating but the reference's is of an arm, seed, track and source of the rows."""
    rated = ratings[ratings["arm"] != REFERENCE]
    found = rated.merge(rows[_CELL].drop_duplicates(), how="left", indicator=True)
    unknown = found[found["_merge"] == "left_only"]
    if unknown.empty:
        return
    if len(unknown) == len(found):
        raise ValueError(
            f"{located(unknown)}: neither {described(unknown)} nor any other rating is of the "
            "rows; are they of another study?"
        )
    first = unknown.iloc[0]
    of_arm = rows[rows["arm"] == first["arm"]]
    for column, known in (("arm", rows["arm"]), *((name, of_arm[name]) for name in _CELL[1:])):
        names = list(dict.fromkeys(known))
        if first[column] not in names:
            raise ValueError(
                f"{located(unknown)}: {column} {first[column]} has no rows, which are of "
                f"{', '.join(map(str, names))}"
            )
    raise ValueError(f"{located(unknown)}: {described(unknown)} has no rows")
