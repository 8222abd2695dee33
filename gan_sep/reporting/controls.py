"""Arms held against a control that is not the plain one: what in an arm it is that helps."""

from collections.abc import Mapping, Sequence

from gan_sep.evaluation.statistics import ALL, Comparison
from gan_sep.reporting.formats import decimals, scale
from gan_sep.reporting.remarks import arms_beside, reading_of_control
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, in_words, markdown_grid


def controls_section(against: Mapping[str, Sequence[Comparison]]) -> str:
    """Markdown: of each control a table of All, a statistic a line and an arm a column.

    against: control -> every statistic, as `compare` makes it with the control for a baseline.
    Empty without any.
    """
    return "\n\n".join(
        f"{_table(control, comparisons)}\n\n{bullets([reading_of_control(control, comparisons)])}"
        for control, comparisons in against.items()
    )


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
