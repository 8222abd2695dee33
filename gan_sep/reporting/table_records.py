"""Comparisons as flat records, for programs: CSV and JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.formats import csv_text
from gan_sep.statistics.compare import ALL, Array, Comparison, Effect
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
"""The columns of the records and what they mean, in their order."""


def flat(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """One record per statistic, source and arm with an effect; None where there is no number.

    Oracles follow as further columns, each with its level.
    """
    return [
        _record(comparison, arm, effect, place)
        for comparison in comparisons
        for arm, effect in comparison.effects.items()
        for place in range(len(comparison.columns))
    ]


def as_csv(comparisons: Sequence[Comparison]) -> str:
    """The flat records as CSV, empty where there is no number."""
    return csv_text(pd.DataFrame(flat(comparisons)))


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Per statistic its records, and what does not fit them: every seed, names left out, frames."""
    tree = [
        {
            "statistic": comparison.statistic.name,
            "title": comparison.statistic.title,
            "baseline": comparison.baseline,
            "seeds": list(comparison.seeds),
            "tracks": list(comparison.tracks),
            "left_out": {source: list(names) for source, names in comparison.left_out.items()},
            "removed_frames": dict(comparison.removed),
            "difference_by_seed": {
                arm: _by_seed(comparison, effect) for arm, effect in comparison.effects.items()
            },
            "records": flat([comparison]),
        }
        for comparison in comparisons
    ]
    return json.dumps(tree, indent=2, allow_nan=False) + "\n"


def _record(comparison: Comparison, arm: str, effect: Effect, place: int) -> dict[str, Any]:
    statistic, name = comparison.statistic, comparison.columns[place]
    levels = {each: _number(values[place]) for each, values in comparison.levels.items()}
    record: dict[str, Any] = {
        "statistic": statistic.name,
        "unit": statistic.unit,
        "better": statistic.better,
        "source": name,
        "arm": arm,
        "baseline": comparison.baseline,
        "mixture": levels[MIXTURE],
        "plain": levels[BASELINE],
        "level": levels[arm],
        "difference": _number(effect.difference[place]),
        "low": _number(effect.low[place]),
        "high": _number(effect.high[place]),
        "verdict": effect.verdicts[place],
        "p_value": _number(effect.p_values[place]),
        "seed_deviation": _number(effect.seed_deviation[place]),
        **_seeds_needed(effect, place),
        "tracks": comparison.track_counts[place],
        "left_out": len(_left_out(comparison, name)),
        "seeds": len(comparison.seeds),
    }
    oracles = {each: level for each, level in levels.items() if each in ORACLES}
    return dict.fromkeys(COLUMNS) | record | oracles


def _seeds_needed(effect: Effect, place: int) -> dict[str, float | str | None]:
    """JSON knows no infinity: it is written as the text inf, which float() and pandas read."""
    return {
        f"seeds_for_{size:g}_dB": "inf" if math.isinf(needed[place]) else _number(needed[place])
        for size, needed in effect.seeds_needed.items()
    }


def _by_seed(comparison: Comparison, effect: Effect) -> dict[str, Mapping[str, float | None]]:
    def named(values: Array) -> dict[str, float | None]:
        return dict(zip(comparison.columns, map(_number, values), strict=True))

    seeds = zip(comparison.seeds, effect.seed_differences, strict=True)
    return {str(seed): named(values) for seed, values in seeds}


def _left_out(comparison: Comparison, name: str) -> tuple[str, ...]:
    """The tracks left out of a source; of All, those left out of any."""
    if name != ALL:
        return comparison.left_out[name]
    return tuple(sorted(set().union(*comparison.left_out.values())))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.7g}")
