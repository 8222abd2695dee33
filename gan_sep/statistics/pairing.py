"""Rows of an evaluation -> one array in which the arms lie side by side, paired by name."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MIXTURE = "mixture"
BASELINE = "plain"
REFERENCE_SYSTEMS = (MIXTURE, "ibm1", "ibm2", "irm1", "irm2", "mwf")
"""Names of the arms that no training makes, see `gan_sep.evaluation.references`."""

COLUMNS = ("seed", "arm", "track", "source", "metric", "value")
_CELL = ("arm", "seed", "track", "source")


def arms_in(rows: pd.DataFrame) -> tuple[str, ...]:
    """Mixture, baseline, the arms held against it as they first appear, oracles.

    Raises ValueError where the mixture or the baseline is missing, or there is no arm to hold
    against it.
    """
    found = list(dict.fromkeys(rows["arm"]))
    contenders = [arm for arm in found if arm not in (*REFERENCE_SYSTEMS, BASELINE)]
    lacking = [arm for arm in (MIXTURE, BASELINE) if arm not in found]
    if lacking or not contenders:
        raise ValueError(
            f"rows: expected the arms {MIXTURE}, {BASELINE} and at least one to compare with it, "
            f"got {', '.join(found) or 'none'}; train and evaluate what is missing"
        )
    oracles = [arm for arm in REFERENCE_SYSTEMS if arm in found and arm != MIXTURE]
    return (MIXTURE, BASELINE, *contenders, *oracles)


@dataclass(frozen=True)
class PairedValues:
    """One metric of all arms: array (arms, seeds, tracks, S), its axes by name.

    An oracle or the mixture has the same values in every seed.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    tracks: tuple[str, ...]
    sources: tuple[str, ...]
    array: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pd.DataFrame, metric: str) -> Self:
        """Arms as `arms_in` orders them, seeds and tracks sorted, sources in the order of the rows.

        Raises ValueError where a column, an arm or a row is missing, where a row is there twice,
        and where the arms differ in seeds, sources or tracks; the message names what is missing
        where.
        """
        lacking = [column for column in COLUMNS if column not in rows]
        if lacking:
            raise ValueError(f"rows: expected the columns {', '.join(COLUMNS)}; {lacking} missing")
        arms = arms_in(rows)
        rows = rows[rows["metric"] == metric]
        if rows.empty:
            raise ValueError(f"metric {metric}: no rows; evaluate with this metric first")
        _check_unique(rows, metric)
        _check_same_names(rows, metric, arms)
        _check_complete(rows, metric, arms)
        seeds, tracks = sorted(set(rows["seed"])), sorted(set(rows["track"]))
        sources = list(dict.fromkeys(rows["source"]))
        axes = [list(arms), seeds, tracks, sources]
        cells = rows.set_index(list(_CELL))["value"].reindex(pd.MultiIndex.from_product(axes))
        array = cells.to_numpy(dtype=np.float64).reshape([len(axis) for axis in axes])
        return cls(arms, tuple(map(int, seeds)), tuple(tracks), tuple(sources), array)


def _check_unique(rows: pd.DataFrame, metric: str) -> None:
    repeated = rows[rows.duplicated(list(_CELL))]
    if len(repeated):
        raise ValueError(f"metric {metric}: more than one row for {_described(repeated)}")


def _check_same_names(rows: pd.DataFrame, metric: str, arms: tuple[str, ...]) -> None:
    for column in ("seed", "source", "track"):
        everywhere = set(rows[column])
        for arm in arms:
            lacking = sorted(everywhere - set(rows.loc[rows["arm"] == arm, column]))
            if lacking:
                raise ValueError(
                    f"metric {metric}: arm {arm} has no rows of {column} {_listed(lacking)}; arms "
                    "are compared on the same seeds, sources and tracks: evaluate all arms alike"
                )


def _check_complete(rows: pd.DataFrame, metric: str, arms: tuple[str, ...]) -> None:
    axes = [arms, *(sorted(set(rows[column])) for column in _CELL[1:])]
    expected = pd.MultiIndex.from_product(axes, names=_CELL)
    absent = expected.difference(pd.MultiIndex.from_frame(rows[list(_CELL)])).to_frame()
    if len(absent):
        raise ValueError(
            f"metric {metric}: no row for {_described(absent)}"
            + (f" and {len(absent) - 1} more" if len(absent) > 1 else "")
            + "; evaluate again, or take the track out of all arms"
        )


def _described(cells: pd.DataFrame) -> str:
    """The first of the cells in words."""
    first = cells.iloc[0]
    return ", ".join(f"{name} {first[name]}" for name in _CELL)


def _listed(names: list[object]) -> str:
    shown = ", ".join(map(str, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
