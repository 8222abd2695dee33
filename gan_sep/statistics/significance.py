"""Is a difference more than chance? Wilcoxon's signed-rank test over tracks, corrected by Holm."""

import numpy as np
from scipy.stats import wilcoxon

from gan_sep.statistics.averages import Array

FEWEST_TRACKS = 6
_DIGITS = 6  # after which two differences count as equal, the largest being 1


def p_values(track_differences: Array) -> Array:
    """Two-sided p-values of the tracks' differences; small where one sign outweighs the other.

    track_differences: (tracks, S + 1), the mean over seeds, NaN where a track is left out, All
    last -> (S + 1,). Those of the sources are corrected for their number, All stands alone. NaN
    where fewer than 6 tracks differ from 0: with 5 no outcome gets below 2 / 2^5 = 0.06. The test
    speaks of other tracks under these seeds, not of other seeds, and weighs all tracks alike.
    Source: Wilcoxon, Individual comparisons by ranking methods, 1945.
    """
    raw = np.array([_signed_rank(column) for column in track_differences.T])
    return np.append(holm(raw[:-1]), raw[-1])


def holm(raw: Array) -> Array:
    """Corrects p-values for their number, so that one false alarm among all stays that rare.

    (tests,) -> (tests,); NaN stays NaN and does not count as a test.
    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    order = np.argsort(raw)[: np.isfinite(raw).sum()]  # NaN is sorted to the end
    remaining = np.arange(len(order), 0, -1)
    corrected = np.full_like(raw, np.nan)
    corrected[order] = np.maximum.accumulate(raw[order] * remaining).clip(max=1)
    return corrected


def _signed_rank(differences: Array) -> float:
    known = differences[np.isfinite(differences)]
    # Differences that are equal but for rounding share a rank, and those that are 0 have none.
    rounded = np.round(known / (np.abs(known).max(initial=0) or 1), _DIGITS)
    differing = rounded[rounded != 0]
    return float(wilcoxon(differing).pvalue) if len(differing) >= FEWEST_TRACKS else np.nan
