"""Several arms as systems side by side: how well, against the plain one, and at what cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.cost import Cost
from gan_sep.reporting.formats import ABSENT, decimals, interval, level, scale, signed
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import emphasised, markdown_grid
from gan_sep.statistics.compare import ALL, Comparison
from gan_sep.statistics.pairing import BASELINE, MIXTURE

COST_HEAD = ("parameters, millions", "training, minutes", "real-time factor")


@dataclass(frozen=True)
class System:
    """One line, as text. levels: of every source and All. difference, interval and verdict are
    those of All."""

    arm: str
    levels: tuple[str, ...]
    difference: str = ABSENT
    interval: str = ABSENT
    verdict: str = ABSENT
    costs: tuple[str, ...] = (ABSENT,) * len(COST_HEAD)


def systems(comparison: Comparison, costs: Mapping[str, Cost]) -> list[System]:
    """The mixture, where nothing is separated, and all trained arms, by one statistic."""
    arms = [arm for arm in comparison.levels if arm not in ORACLES]
    return [_system(arm, comparison, costs.get(arm)) for arm in arms]


def systems_table(comparison: Comparison, costs: Mapping[str, Cost]) -> str:
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


def _system(arm: str, comparison: Comparison, cost: Cost | None) -> System:
    digits = decimals(comparison)
    levels = tuple(level(value, digits) for value in comparison.levels[arm])
    spent = _spent(cost or Cost())
    if arm in (MIXTURE, BASELINE):
        return System(arm, levels, costs=spent)
    effect = comparison.effects[arm]
    difference = signed(effect.difference[-1], digits)
    ends = interval(effect.low[-1], effect.high[-1], digits)
    return System(arm, levels, difference, ends, effect.verdicts[-1], spent)


def _spent(cost: Cost) -> tuple[str, ...]:
    """In the order of COST_HEAD."""
    return (
        level(cost.parameters),
        level(cost.training_minutes, digits=1),
        level(cost.real_time_factor, digits=3),
    )
