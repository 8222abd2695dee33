"""Tracks' values -> one number per source, for the tracks as they are and as they are redrawn.

Redrawn tracks have random weights (the Bayesian bootstrap of Rubin, 1981) rather than random
numbers of copies. Of a mean both tell the same. A median of copies is always one of few values,
and spreads up to twice as much as medians of other tracks would; with weights it moves smoothly.
And no track ever has the weight 0, so that a source in few tracks always has an average.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def equal_weights(num_tracks: int) -> Array:
    """The tracks as they are: (tracks, 1)."""
    return np.ones((num_tracks, 1))


def redrawn_weights(num_tracks: int, draws: int, seed: int) -> Array:
    """What each track weighs in each of many draws: (tracks, draws), with a mean of 1.

    Divided by their sum they are uniform over all ways to share 1 among the tracks, and among any
    of the tracks: of a mean of n, the variance over draws is that of the n values over n + 1.
    """
    return np.random.default_rng(seed).exponential(size=(num_tracks, draws))


def average(values: Array, weights: Array, how: Literal["mean", "median"]) -> Array:
    """The weighted mean or median over tracks, by every column of weights.

    values: (seeds, tracks, S), NaN where a track is left out. weights: (tracks, draws), positive.
    -> (draws, seeds, S), NaN of no tracks.
    """
    if how == "mean":
        return _means(values, weights)
    columns = values.transpose(0, 2, 1).reshape(-1, values.shape[1])  # (seeds * S, tracks)
    medians = np.stack([_medians(column, weights) for column in columns], axis=-1)
    return medians.reshape(-1, values.shape[0], values.shape[2])  # (draws, seeds, S)


def _means(values: Array, weights: Array) -> Array:
    counts = ~np.isnan(values)  # (seeds, tracks, S)
    sums = np.tensordot(weights.T, np.nan_to_num(values), axes=(1, 1))  # (draws, seeds, S)
    total = np.tensordot(weights.T, counts.astype(np.float64), axes=(1, 1))  # (draws, seeds, S)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def _medians(column: Array, weights: Array) -> Array:
    """Of one column (tracks,): (draws,).

    The value that has half of the weight on either side, its own weight halved, and linear between
    two values; with equal weights it is the usual median.
    """
    order = np.argsort(column)[: np.isfinite(column).sum()]  # NaN is sorted to the end
    values = column[order]
    if len(values) < 2:
        return np.full(weights.shape[1], values.mean() if len(values) else np.nan)
    reached = weights[order].cumsum(0)  # (tracks, draws)
    half = reached[-1] / 2  # (draws,)
    middles = reached - weights[order] / 2  # (tracks, draws)
    upper = (middles < half).sum(0).clip(1, len(values) - 1)  # (draws,)
    draws = np.arange(weights.shape[1])
    start, end = middles[upper - 1, draws], middles[upper, draws]
    return values[upper - 1] + (half - start) / (end - start) * (values[upper] - values[upper - 1])
