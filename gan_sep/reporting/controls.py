"""Arms held against a control that is not the plain one: what in an arm it is that helps."""

from collections.abc import Mapping, Sequence

from gan_sep.evaluation.pairing import BASELINE
from gan_sep.evaluation.statistics import ALL, Comparison
from gan_sep.reporting.formats import decimals, scale
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, in_words, markdown_grid


def controls_section(against: Mapping[str, Sequence[Comparison]]) -> str:
    """Markdown: of each control a table of All, a statistic a line and an arm a column.

    against: control -> every statistic, as `compare` makes it with the control for a baseline.
    Empty without any.
    """
    return "\n\n".join(
        f"{_table(control, comparisons)}\n\n{bullets([control_remark(control)])}"
        for control, comparisons in against.items()
    )


def control_remark(control: str) -> str:
    """Whose differences these are."""
    return (
        f"Each difference is arm - {arm_name(control)}, with its 95 % interval and verdict as in "
        f"the tables of differences from the {arm_name(BASELINE)} arm."
    )


def arms_beside(comparison: Comparison) -> list[str]:
    """The arms to tell of: other tables tell how the plain one and the control differ."""
    return [arm for arm in comparison.effects if arm != BASELINE]


def _table(control: str, comparisons: Sequence[Comparison]) -> str:
    arms = arms_beside(comparisons[0])
    head = [f"{ALL}, difference from {arm_name(control)}", *map(arm_name, arms)]
    lines = [
        [
            f"{comparison.statistic.title}, {scale(comparison.statistic)}",
            *(in_words(comparison.effects[arm], decimals(comparison))[-1] for arm in arms),
        ]
        for comparison in comparisons
    ]
    return markdown_grid(head, lines)
