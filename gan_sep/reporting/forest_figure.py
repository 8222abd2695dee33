"""The forest plot: every difference with its interval, beside 0, and what it says in a word.

Of one arm a plot holds a statistic, a line for each source. Of several arms it holds one source of
a statistic, a line for each arm: systems are compared with each other on the same source.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from gan_sep.reporting.formats import decimals, scale, signed
from gan_sep.reporting.style import FAINT, INK, arm_colours, arm_name, house_style
from gan_sep.reporting.tables import decided
from gan_sep.statistics.compare import Array, Comparison, Effect
from gan_sep.statistics.pairing import BASELINE

_LINE_INCHES = 0.25
_LEGEND_INCHES = 0.4
_COLUMNS = 2  # of plots of one arm
_SOURCE_INCHES = 1.9  # the least width of a plot of several arms
_WIDTH_INCHES = 9.6


def forest_figure(comparisons: Sequence[Comparison]) -> Figure:
    """All differences of all statistics, seeds as small marks above the intervals.

    Raises ValueError where there is no comparison.
    """
    if not comparisons:
        raise ValueError("forest figure: expected at least one comparison to draw, got none")
    with house_style():
        if len(comparisons[0].effects) == 1:
            return _figure_of_one_arm(comparisons)
        return _figure_of_arms(comparisons)


def _figure_of_one_arm(comparisons: Sequence[Comparison]) -> Figure:
    """A plot per statistic; in it a line per source."""
    columns = min(len(comparisons), _COLUMNS)
    rows = -(-len(comparisons) // columns)
    height = _LINE_INCHES * len(comparisons[0].columns) + 0.9
    figure = Figure(figsize=(5.2 * columns, height * rows + _LEGEND_INCHES), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for comparison in comparisons:
        _draw_statistic(next(axes), comparison)
    for unused in axes:
        unused.set_axis_off()
    figure.legend(handles=_legend(comparisons[0]), loc="outside lower center", ncols=6)
    return figure


def _figure_of_arms(comparisons: Sequence[Comparison]) -> Figure:
    """A row of plots per statistic, a plot per source; in it a line per arm."""
    first = comparisons[0]
    width = max(_WIDTH_INCHES, 1.2 + _SOURCE_INCHES * len(first.columns))
    height = _LINE_INCHES * len(first.effects) + 1.1
    size = (width, height * len(comparisons) + _LEGEND_INCHES)
    figure = Figure(figsize=size, layout="constrained")
    heights = [*(height for _ in comparisons), _LEGEND_INCHES]
    *rows, last = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat
    for row, comparison in zip(rows, comparisons, strict=True):
        _draw_sources(row, comparison)
    last.legend(handles=_verdict_legend(first), loc="center", ncols=6)
    return figure


def _draw_statistic(axes: Axes, comparison: Comparison) -> None:
    """The sources of one arm from the top."""
    ((arm, effect),) = comparison.effects.items()
    lines = np.arange(len(comparison.columns), dtype=np.float64)
    colour = arm_colours(comparison.levels)[arm]
    _draw_differences(axes, lines, effect, slice(None), colour)
    for line, difference, verdict in zip(lines, effect.difference, effect.verdicts, strict=True):
        text = f"{signed(difference, decimals(comparison))}  {verdict}"
        _write_beside(axes, line, text, bold=decided(verdict))
    _name_lines(axes, comparison.columns)
    if len(lines) > 1:  # All, the mean of the sources, is set apart
        axes.axhline(lines[-1] - 0.5, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_title(comparison.statistic.title)
    axes.set_xlabel(_axis_title(comparison))


def _draw_sources(row: SubFigure, comparison: Comparison) -> None:
    """One statistic of several arms: its sources from left to right, arms from the top."""
    row.suptitle(comparison.statistic.title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    plots = row.subplots(1, len(comparison.columns), sharex=True, sharey=True)
    for place, (axes, name) in enumerate(zip(plots, comparison.columns, strict=True)):
        _draw_source(axes, comparison, place)
        axes.set_title(name, fontweight="normal")
        _name_lines(axes, list(map(arm_name, comparison.effects)))
    row.supxlabel(_axis_title(comparison), fontsize=9)


def _draw_source(axes: Axes, comparison: Comparison, place: int) -> None:
    """One source of one statistic: undecided differences are hollow, others bold."""
    colours = arm_colours(comparison.levels)
    for line, (arm, effect) in enumerate(comparison.effects.items()):
        clear = decided(effect.verdicts[place])
        at = slice(place, place + 1)
        face = None if clear else "white"
        _draw_differences(axes, np.array([float(line)]), effect, at, colours[arm], face)
        text = signed(effect.difference[place], decimals(comparison))
        _write_beside(axes, line, text, bold=clear)


def _draw_differences(
    axes: Axes, lines: Array, effect: Effect, at: slice, colour: str, face: str | None = None
) -> None:
    """Intervals, their middles, and the seeds where there are several.

    at: which of the sources and All; lines: their heights. face: of the middles, where another
    colour than the interval's.
    """
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    axes.hlines(lines, effect.low[at], effect.high[at], color=colour, linewidth=2.4, zorder=3)
    axes.scatter(
        effect.difference[at], lines, s=30, color=face or colour, edgecolor=colour, zorder=4
    )
    if len(effect.seed_differences) > 1:
        seeds = effect.seed_differences[:, at]  # (seeds, lines)
        heights = np.broadcast_to(lines - 0.38, seeds.shape)
        axes.scatter(seeds, heights, s=13, marker="|", color=INK, linewidth=0.9, zorder=4)


def _write_beside(axes: Axes, line: float, text: str, bold: bool) -> None:
    """A text right of the plot."""
    axes.annotate(
        text,
        (1.02, line),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8,
        fontweight="bold" if bold else "normal",
    )


def _name_lines(axes: Axes, names: Sequence[str]) -> None:
    """The names at the left, from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.3, -0.7)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=FAINT)


def _axis_title(comparison: Comparison) -> str:
    return f"difference from {arm_name(BASELINE)}, {scale(comparison.statistic)}"


def _legend(comparison: Comparison) -> list[Line2D]:
    """The one arm, and the mark of a seed."""
    (arm,) = comparison.effects
    colour = arm_colours(comparison.levels)[arm]
    return [_line(f"{arm_name(arm)} with its 95 % interval", colour), *_seed_legend(comparison)]


def _verdict_legend(comparison: Comparison) -> list[Line2D]:
    """Which differences are decided, and the mark of a seed."""
    if len(comparison.seeds) == 1:
        return [_line("the 95 % interval over tracks, of one seed", INK, face="white")]
    return [
        _line("the 95 % interval leaves 0", INK),
        _line("undecided", INK, face="white"),
        *_seed_legend(comparison),
    ]


def _line(label: str, colour: str, face: str | None = None) -> Line2D:
    """An interval with its middle, of another colour where `face` is given."""
    return Line2D(
        [],
        [],
        color=colour,
        linewidth=2.4,
        marker="o",
        markersize=5.5,
        markerfacecolor=face or colour,
        label=label,
    )


def _seed_legend(comparison: Comparison) -> list[Line2D]:
    if len(comparison.seeds) == 1:
        return []
    return [Line2D([], [], color=INK, linestyle="", marker="|", label="one seed")]
