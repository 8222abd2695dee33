"""Arms held against a control that is not the plain one: what in an arm it is that helps."""

from collections.abc import Iterable, Sequence

from gan_sep.reporting.formats import decimals, scale
from gan_sep.reporting.remarks import arms_beside, reading_of_control
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, in_words, markdown_grid
from gan_sep.statistics.compare import ALL, Comparison


def controls_section(against: Iterable[Sequence[Comparison]]) -> str:
    """Markdown: of each control a table of All, a statistic a line and an arm a column.

    against: of each control every statistic, its baseline being the control. Empty without any.
    """
    return "\n\n".join(
        f"{_table(comparisons)}\n\n{bullets([reading_of_control(comparisons)])}"
        for comparisons in against
    )


def _table(comparisons: Sequence[Comparison]) -> str:
    arms = arms_beside(comparisons[0])
    head = [f"{ALL}, difference from {arm_name(comparisons[0].baseline)}", *map(arm_name, arms)]
    lines = [
        [
            f"{comparison.statistic.title}, {scale(comparison.statistic)}",
            *(in_words(comparison.effects[arm], decimals(comparison))[-1] for arm in arms),
        ]
        for comparison in comparisons
    ]
    return markdown_grid(head, lines)
