"""What all statistics say of all arms: one table, which tables, figures and the page read.

A line is a statistic of an arm and a source, the last of which is All, their mean:

    statistic, title, unit, better, average   of `gan_sep.statistics.statistic.Statistic`
    scale, digits                unit and direction in words; decimals of the statistic's numbers
    baseline, arm, source, level
    difference to seeds_for_...  see COLUMNS; NaN, and verdict "", of arms that are not compared
    seed_differences             array, in the order of `seeds`
    track_differences            array, in the order of `tracks`, NaN where one is left out
    seeds, tracks, left_out      their names
    counted, removed             tracks that count; share of frames that the silence rule removed
"""

import typing
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.formats import csv_text, decimals, scale
from gan_sep.runs import json_text
from gan_sep.statistics.compare import ALL, Comparison, Effect
from gan_sep.statistics.pairing import BASELINE, MIXTURE

COLUMNS = {
    "statistic": "its name",
    "unit": "of all numbers, empty where they have none",
    "better": "higher or lower",
    "source": "or All, the mean of the sources",
    "arm": "what is held against the baseline",
    "baseline": "the plain arm, or one of the study's controls",
    "mixture": "the level of the unseparated mixture, the mean over seeds, as every level",
    "plain": "the level of the plain arm",
    "level": "that of the arm",
    "difference": "arm - baseline",
    "low": "lower end of the difference's 95 % interval",
    "high": "its upper end",
    "verdict": "better, worse, undecided, no interval, one seed",
    "p_value": "of Wilcoxon's signed-rank test over tracks, by Holm for the number of sources",
    "seed_deviation": "standard deviation of the seeds' differences, empty with one seed",
    "seeds_for_0.1_dB": "seeds needed to see so much with 80 % power; inf: no number suffices",
    "seeds_for_0.2_dB": "the same",
    "tracks": "how many count",
    "left_out": "how many do not, for want of a finite value in every arm",
    "seeds": "how many",
}
"""The columns of table.csv and what they mean, in their order."""

_KEY = ["statistic", "baseline", "source"]


def effects(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """The table of comparisons, one after the other."""
    return pd.DataFrame([line for comparison in comparisons for line in _lines(comparison)])


def by_statistic(lines: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The lines of each statistic against each baseline."""
    return (of for _, of in lines.groupby(["baseline", "statistic"], sort=False))


def by_arm(lines: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The lines of each arm."""
    return {str(arm): own for arm, own in lines.groupby("arm", sort=False)}


def compared(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of the arms that are compared with the baseline."""
    return lines[lines["verdict"] != ""]


def names(values: Iterable[str]) -> list[str]:
    """Each of the values once, in the order of their first appearance."""
    return list(dict.fromkeys(values))


def as_csv(lines: pd.DataFrame) -> str:
    """What is compared as CSV: COLUMNS, then a column for each oracle's level."""
    return csv_text(_records(lines))


def as_json(lines: pd.DataFrame) -> str:
    """Of each statistic what CSV holds, and every seed, names left out and removed frames."""
    return json_text([_tree(of) for of in by_statistic(lines)])


def _lines(comparison: Comparison) -> Iterator[dict[str, Any]]:
    statistic, left_out = comparison.statistic, dict(comparison.left_out)
    left_out[ALL] = tuple(sorted(set().union(*left_out.values())))
    about = {
        **{name: getattr(statistic, name) for name in ("title", "unit", "better", "average")},
        "statistic": statistic.name,
        "scale": scale(statistic),
        "digits": decimals(comparison),
        "baseline": comparison.baseline,
        "seeds": comparison.seeds,
        "tracks": comparison.tracks,
    }
    for arm, levels in comparison.levels.items():
        effect = comparison.effects.get(arm)
        for place, source in enumerate(comparison.columns):
            yield {
                **about,
                "arm": arm,
                "source": source,
                "level": levels[place],
                "counted": comparison.track_counts[place],
                "left_out": left_out[source],
                "removed": comparison.removed.get(arm, np.nan),
                **({"verdict": ""} if effect is None else _changes(effect, place)),
            }


def _changes(effect: Effect, place: int) -> dict[str, Any]:
    needed = effect.seeds_needed.items()
    return {
        "difference": effect.difference[place],
        "low": effect.low[place],
        "high": effect.high[place],
        "verdict": effect.verdicts[place],
        "p_value": effect.p_values[place],
        "seed_deviation": effect.seed_deviation[place],
        **{f"seeds_for_{size:g}_dB": numbers[place] for size, numbers in needed},
        "seed_differences": effect.seed_differences[:, place],
        "track_differences": effect.track_differences[:, place],
    }


def _records(lines: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS and oracles, numbers of seven digits."""
    beside = [arm for arm in (MIXTURE, BASELINE, *ORACLES) if arm in set(lines["arm"])]
    levels = lines.pivot(index=_KEY, columns="arm", values="level")[beside]
    table = compared(lines).join(levels, on=_KEY)
    counts = {name: table[name].map(len) for name in ("left_out", "seeds")}
    table = table.assign(tracks=table["counted"], **counts)
    table = table.reindex(columns=[*COLUMNS, *(arm for arm in beside if arm in ORACLES)])
    numbers = table.select_dtypes("float").columns
    table[numbers] = table[numbers].map(_rounded)
    return table


def _tree(of: pd.DataFrame) -> dict[str, Any]:
    first = of.iloc[0]
    sources = of[(of["arm"] == first["arm"]) & (of["source"] != ALL)]
    removed = of.dropna(subset="removed").drop_duplicates("arm")
    return {
        "statistic": first["statistic"],
        "title": first["title"],
        "baseline": first["baseline"],
        "seeds": list(first["seeds"]),
        "tracks": list(first["tracks"]),
        "left_out": {each["source"]: list(each["left_out"]) for _, each in sources.iterrows()},
        "removed_frames": dict(zip(removed["arm"], removed["removed"], strict=True)),
        "difference_by_seed": {
            arm: _by_seed(own, first["seeds"]) for arm, own in by_arm(compared(of)).items()
        },
        "records": _for_json(_records(of)),
    }


def _by_seed(lines: pd.DataFrame, seeds: Sequence[int]) -> dict[str, dict[str, float | None]]:
    """The differences of an arm, by seed and source."""
    by_source = dict(zip(lines["source"], lines["seed_differences"], strict=True))
    table = pd.DataFrame(by_source, index=list(map(str, seeds))).map(_rounded)
    return dict(zip(table.index, _for_json(table), strict=True))


def _for_json(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Infinity, which JSON does not know, is written as inf, as float() and pandas read."""
    known = table.astype(object).replace(np.inf, "inf")
    return typing.cast("list[dict[str, Any]]", known.to_dict("records"))


def _rounded(value: float) -> float:
    return float(f"{value:.7g}")
