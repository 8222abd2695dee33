"""Several arms as systems side by side: how well, against the plain one, and at what cost."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.formats import ABSENT, decimals, level, scale
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import effect_cells, emphasised, markdown_grid
from gan_sep.statistics.compare import ALL, Comparison
from gan_sep.statistics.pairing import BASELINE

_COSTS = {"parameters": 2, "training_minutes": 1, "real_time_factor": 3}  # and their decimals
COST_HEAD = ("parameters, millions", "training, minutes", "real-time factor")


@dataclass(frozen=True)
class System:
    """One line, as text. levels: of every source and All. difference, interval and verdict are
    those of All. costs: in the order of COST_HEAD."""

    arm: str
    levels: tuple[str, ...]
    costs: tuple[str, ...]
    difference: str = ABSENT
    interval: str = ABSENT
    verdict: str = ABSENT


def systems(comparison: Comparison, costs: pd.DataFrame) -> Iterator[System]:
    """The mixture, where nothing is separated, and all trained arms, by one statistic."""
    digits = decimals(comparison)
    for arm, values in comparison.levels.items():
        if arm in ORACLES:
            continue
        levels = tuple(level(value, digits) for value in values)
        cost = dict(costs.loc[arm]) if arm in costs.index else {}
        spent = tuple(level(cost.get(name, np.nan), places) for name, places in _COSTS.items())
        told = effect_cells(comparison, arm) if arm in comparison.effects else {}
        yield System(arm, levels, spent, *(cells[-1] for cells in list(told.values())[:3]))


def systems_table(comparison: Comparison, costs: pd.DataFrame) -> str:
    """Markdown: a line per system; with one arm to compare there is nothing to sum up: empty."""
    if len(comparison.effects) < 2:
        return ""
    against = f"{ALL} - {arm_name(BASELINE)}"
    head = ["", *comparison.columns, against, "95 % interval", "verdict", *COST_HEAD]
    lines = [
        [arm_name(s.arm), *s.levels, s.difference, s.interval, emphasised(s.verdict), *s.costs]
        for s in systems(comparison, costs)
    ]
    title = f"**{comparison.statistic.title}, {scale(comparison.statistic)}, and what it costs**"
    return f"{title}\n\n{markdown_grid(head, lines)}\n"
