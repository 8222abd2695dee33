"""The forest plot: every difference with its interval, beside 0, and what it says in a word.

Of one arm a plot holds a statistic, a line for each source. Of several arms it holds one source of
a statistic, a line for each arm: systems are compared with each other on the same source. `lines`
are those of the table in `gan_sep.reporting.effects`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from gan_sep.reporting.effects import by_statistic, compared, names
from gan_sep.reporting.formats import signed
from gan_sep.reporting.style import FAINT, INK, arm_colours, arm_name, house_style
from gan_sep.reporting.tables import decided
from gan_sep.statistics.pairing import BASELINE

_LINE_INCHES = 0.25
_LEGEND_INCHES = 0.4
_COLUMNS = 2  # of plots of one arm
_SOURCE_INCHES = 1.9  # the least width of a plot of several arms
_WIDTH_INCHES = 9.6


def forest_figure(lines: pd.DataFrame) -> Figure:
    """All differences of all statistics, seeds as small marks above the intervals.

    Raises ValueError where there is no line.
    """
    if lines.empty:
        raise ValueError("forest figure: expected at least one statistic to draw, got none")
    colours = arm_colours(names(lines["arm"]))
    statistics = list(by_statistic(compared(lines)))
    with house_style():
        if statistics[0]["arm"].nunique() == 1:
            return _figure_of_one_arm(statistics, colours)
        return _figure_of_arms(statistics, colours)


def _figure_of_one_arm(statistics: Sequence[pd.DataFrame], colours: dict[str, str]) -> Figure:
    """A plot per statistic; in it a line per source, All set apart."""
    first = statistics[0]
    columns = min(len(statistics), _COLUMNS)
    rows = -(-len(statistics) // columns)
    height = _LINE_INCHES * len(first) + 0.9
    figure = Figure(figsize=(5.2 * columns, height * rows + _LEGEND_INCHES), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for of in statistics:
        plot = next(axes)
        _draw(plot, of, list(of["source"]), colours, several=False)
        if len(of) > 1:
            plot.axhline(len(of) - 1.5, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
        plot.set_title(of["title"].iloc[0])
        plot.set_xlabel(_axis_title(of))
    for unused in axes:
        unused.set_axis_off()
    arm = first["arm"].iloc[0]
    shown = interval_mark(f"{arm_name(arm)} with its 95 % interval", colours[arm])
    figure.legend(handles=[shown, *_seed_mark(first)], loc="outside lower center", ncols=6)
    return figure


def _figure_of_arms(statistics: Sequence[pd.DataFrame], colours: dict[str, str]) -> Figure:
    """A row of plots per statistic, a plot per source; in it a line per arm."""
    first = statistics[0]
    arms, sources = first["arm"].nunique(), first["source"].nunique()
    width = max(_WIDTH_INCHES, 1.2 + _SOURCE_INCHES * sources)
    height = _LINE_INCHES * arms + 1.1
    size = (width, height * len(statistics) + _LEGEND_INCHES)
    figure = Figure(figsize=size, layout="constrained")
    heights = [*(height for _ in statistics), _LEGEND_INCHES]
    *rows, last = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat
    for row, of in zip(rows, statistics, strict=True):
        _draw_sources(row, of, colours)
    marks = [interval_mark("the 95 % interval over tracks, of one seed", INK, face="white")]
    if len(first["seeds"].iloc[0]) > 1:
        marks = [
            interval_mark("the 95 % interval leaves 0", INK),
            interval_mark("undecided", INK, face="white"),
        ]
    last.legend(handles=[*marks, *_seed_mark(first)], loc="center", ncols=6)
    return figure


def _draw_sources(row: SubFigure, of: pd.DataFrame, colours: dict[str, str]) -> None:
    """One statistic of several arms: its sources from left to right, arms from the top."""
    row.suptitle(of["title"].iloc[0], x=0.01, ha="left", fontsize=10, fontweight="bold")
    plots = row.subplots(1, of["source"].nunique(), sharex=True, sharey=True)
    for axes, (source, own) in zip(plots, of.groupby("source", sort=False), strict=True):
        _draw(axes, own, list(map(arm_name, own["arm"])), colours, several=True)
        axes.set_title(source, fontweight="normal")
    row.supxlabel(_axis_title(of), fontsize=9)


def _draw(
    axes: Axes, lines: pd.DataFrame, named: Sequence[str], colours: dict[str, str], several: bool
) -> None:
    """Intervals with their middles, the seeds where there are several, and the number beside.

    Of several arms undecided differences are hollow; of one the verdict stands beside the number.
    """
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for height, line in enumerate(lines.to_dict("records")):
        colour, clear = colours[line["arm"]], decided(line["verdict"])
        face = colour if clear or not several else "white"
        axes.hlines(height, line["low"], line["high"], color=colour, linewidth=2.4, zorder=3)
        axes.scatter(line["difference"], height, s=30, color=face, edgecolor=colour, zorder=4)
        if len(seeds := line["seed_differences"]) > 1:
            heights = np.full(len(seeds), height - 0.38)
            axes.scatter(seeds, heights, s=13, marker="|", color=INK, linewidth=0.9, zorder=4)
        number = signed(line["difference"], line["digits"])
        write_beside(axes, height, number if several else f"{number}  {line['verdict']}", clear)
    axes.set_yticks(range(len(named)), named)
    axes.set_ylim(len(named) - 0.3, -0.7)
    only_vertical_grid(axes)


def _axis_title(of: pd.DataFrame) -> str:
    return f"difference from {arm_name(BASELINE)}, {of['scale'].iloc[0]}"


def write_beside(axes: Axes, height: int, text: str, bold: bool) -> None:
    """A word at the right of a plot, beside the line of this height."""
    axes.annotate(text, (1.02, height), xycoords=("axes fraction", "data"), va="center",
                  fontsize=8, fontweight="bold" if bold else "normal")  # fmt: skip


def only_vertical_grid(axes: Axes) -> None:
    """For axes whose vertical positions are names."""
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=FAINT)


def interval_mark(label: str, colour: str, face: str | None = None) -> Line2D:
    """Of a legend: an interval with its middle, of another colour where `face` is given."""
    return Line2D([], [], color=colour, linewidth=2.4, marker="o", markersize=5.5, label=label,
                  markerfacecolor=face or colour)  # fmt: skip


def _seed_mark(lines: pd.DataFrame) -> list[Line2D]:
    if len(lines["seeds"].iloc[0]) == 1:
        return []
    return [Line2D([], [], color=INK, linestyle="", marker="|", label="one seed")]
