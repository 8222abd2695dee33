"""Several arms as systems side by side: how well, against the plain one, and at what cost."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.effects import by_arm, compared, names
from gan_sep.reporting.formats import ABSENT, level
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import INTERVAL, VERDICT, emphasised, heading, in_text, markdown_grid
from gan_sep.statistics.compare import ALL
from gan_sep.statistics.pairing import BASELINE

_COSTS = {"parameters": 2, "training_minutes": 1, "real_time_factor": 3}  # and their decimals
COST_HEAD = ("parameters, millions", "training, minutes", "real-time factor")


class System(NamedTuple):
    """One line, as text. levels: of every source and All. difference, interval and verdict are
    those of All. costs: in the order of COST_HEAD."""

    arm: str
    levels: list[str]
    difference: str
    interval: str
    verdict: str
    costs: list[str]


def systems(lines: pd.DataFrame, costs: pd.DataFrame) -> Iterator[System]:
    """The mixture, where nothing is separated, and all trained arms, by one statistic."""
    for arm, own in by_arm(in_text(lines)).items():
        if arm not in ORACLES:
            cost = dict(costs.loc[arm]) if arm in costs.index else {}
            spent = [level(cost.get(name, np.nan), places) for name, places in _COSTS.items()]
            difference, interval, verdict = own[["", INTERVAL, VERDICT]].iloc[-1]
            levels = list(own["level"])
            yield System(arm, levels, difference, interval, verdict or ABSENT, spent)


def systems_table(lines: pd.DataFrame, costs: pd.DataFrame) -> str:
    """Markdown: a line per system; with one arm to compare there is nothing to sum up: empty."""
    if compared(lines)["arm"].nunique() < 2:
        return ""
    against = f"{ALL} - {arm_name(BASELINE)}"
    head = ["", *names(lines["source"]), against, INTERVAL, VERDICT, *COST_HEAD]
    grid = [
        [arm_name(s.arm), *s.levels, s.difference, s.interval, emphasised(s.verdict), *s.costs]
        for s in systems(lines, costs)
    ]
    return f"**{heading(lines)}, and what it costs**\n\n{markdown_grid(head, grid)}\n"
