"""The forest plot: every difference with its interval, beside 0, and what it says in a word."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gan_sep.evaluation.pairing import BASELINE
from gan_sep.evaluation.statistics import Array, Comparison, Effect
from gan_sep.reporting.formats import decimals, scale, signed
from gan_sep.reporting.style import FAINT, INK, arm_colours, arm_name, house_style

_COLUMNS = 2
_LINE_INCHES = 0.25
_GAP = 0.6  # between the lines of two sources, in lines


def forest_figure(comparisons: Sequence[Comparison]) -> Figure:
    """A panel per statistic; in it a line per source and arm, seeds as small marks above it.

    Raises ValueError where there is no comparison.
    """
    if not comparisons:
        raise ValueError("forest figure: expected at least one comparison to draw, got none")
    columns = min(len(comparisons), _COLUMNS)
    rows = -(-len(comparisons) // columns)
    first = comparisons[0]
    height = _LINE_INCHES * (_line_places(len(first.columns), len(first.effects)).max() + 1) + 0.9
    with house_style():
        figure = Figure(figsize=(5.2 * columns, height * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for comparison in comparisons:
            _draw(next(axes), comparison)
        for unused in axes:
            unused.set_axis_off()
        figure.legend(handles=_legend(first), loc="outside lower center", ncols=6)
    return figure


def _line_places(names: int, arms: int) -> Array:
    """Heights of the lines from the top, with a gap after every source's arms: (names, arms)."""
    return np.arange(names, dtype=np.float64)[:, None] * (arms + _GAP) + np.arange(arms)


def _draw(axes: Axes, comparison: Comparison) -> None:
    places = _line_places(len(comparison.columns), len(comparison.effects))  # (S + 1, arms)
    colours = arm_colours(comparison.levels)
    digits = decimals(comparison)
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for (arm, effect), lines in zip(comparison.effects.items(), places.T, strict=True):
        _draw_effect(axes, effect, lines, colours[arm])
        _write_verdicts(axes, effect, lines, digits)
    _name_sources(axes, comparison.columns, places)
    axes.set_title(comparison.statistic.title)
    axes.set_xlabel(f"difference from {arm_name(BASELINE)}, {scale(comparison.statistic)}")


def _draw_effect(axes: Axes, effect: Effect, lines: Array, colour: str) -> None:
    """Intervals, their middles, and the seeds where there are several; lines: (S + 1,)."""
    axes.hlines(lines, effect.low, effect.high, color=colour, linewidth=2.4, zorder=3)
    axes.scatter(effect.difference, lines, s=30, color=colour, zorder=4)
    if len(effect.seed_differences) > 1:
        seeds = effect.seed_differences  # (seeds, S + 1)
        heights = np.broadcast_to(lines - 0.38, seeds.shape)
        axes.scatter(seeds, heights, s=13, marker="|", color=INK, linewidth=0.9, zorder=4)


def _write_verdicts(axes: Axes, effect: Effect, lines: Array, digits: int) -> None:
    """The difference and the verdict right of the panel, those that leave 0 in bold."""
    cells = zip(lines, effect.difference, effect.verdicts, strict=True)
    for line, difference, verdict in cells:
        axes.annotate(
            f"{signed(difference, digits)}  {verdict}",
            (1.02, line),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            fontweight="bold" if verdict in ("better", "worse") else "normal",
        )


def _name_sources(axes: Axes, names: Sequence[str], places: Array) -> None:
    """The sources at the left from the top, All, their mean, set apart by a fine line."""
    axes.set_yticks(places.mean(1), names)
    axes.set_ylim(places.max() + 0.7, places.min() - 0.7)
    before_all = (places[-2:].mean(1).sum() / 2) if len(names) > 1 else -1
    axes.axhline(before_all, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=FAINT)


def _legend(comparison: Comparison) -> list[Line2D]:
    colours = arm_colours(comparison.levels)
    handles = [
        Line2D(
            [],
            [],
            color=colours[arm],
            linewidth=2.4,
            marker="o",
            markersize=5.5,
            label=f"{arm_name(arm)} with its 95 % interval",
        )
        for arm in comparison.effects
    ]
    if len(comparison.seeds) > 1:
        mark = Line2D([], [], color=INK, linestyle="", marker="|", label="one seed")
        handles.append(mark)
    return handles
