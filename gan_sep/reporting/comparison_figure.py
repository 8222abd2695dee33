"""The comparison as a figure: where the arms stand, and by how much they differ on every track."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.formats import signed
from gan_sep.reporting.style import INK, arm_colours, arm_name, house_style, without_vertical_grid
from gan_sep.statistics.compare import Array, Comparison, Effect
from gan_sep.statistics.pairing import BASELINE, MIXTURE, REFERENCE_SYSTEMS

# Levels follow the published statistic; the differences' dots belong to a mean, so that the mean
# with its interval lies in the middle of its dots.
ROWS = (("gnsdr", "gnsdr"), ("sdr", "sdr_mean"), ("usdr", "usdr"))

_DOT_STEP = 0.045
_DOT_BINS = 26
_HALF_WIDTH = 0.38
_TITLE_INCHES = 5.2
_PLACE_INCHES = 0.8
_ARM_INCHES = 0.14
_CHARACTER_INCHES = 0.075
_ROOM = 0.7


def comparison_figure(comparisons: Mapping[str, Comparison]) -> Figure:
    """One row for each of GNSDR, SDR and uSDR that is there: levels at the left, differences right.

    comparisons: by the statistic's name. Raises ValueError where none of the three is there.
    """
    rows = [(comparisons[a], comparisons[b]) for a, b in ROWS if {a, b} <= comparisons.keys()]
    if not rows:
        raise ValueError(
            f"comparison figure: expected one of the statistics {', '.join(a for a, _ in ROWS)}, "
            f"got {', '.join(comparisons) or 'none'}; evaluate with sdr, usdr or bss_v3"
        )
    width = _plot_inches(rows[0][0].columns, len(rows[0][0].effects) + 1)
    with house_style():
        figure = Figure(figsize=(2 * width, 0.5 + 2.7 * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), 2, squeeze=False)
        for (levels, differences), (left, right) in zip(rows, axes, strict=True):
            _draw_levels(left, levels)
            _draw_differences(right, differences)
        figure.legend(handles=_legend(rows[0][0]), loc="outside lower center", ncols=6)
    return figure


def _plot_inches(names: Sequence[str], arms: int) -> float:
    """The width at which titles fit and neither neighbouring names, centred below their places, nor
    the dots of neighbouring arms meet."""
    longest = max((len(left) + len(right)) / 2 for left, right in pairwise(names))
    place = max(_PLACE_INCHES, _CHARACTER_INCHES * (longest + 1), _ARM_INCHES * arms)
    return max(_TITLE_INCHES, 1 + place * len(names))


def _draw_levels(axes: Axes, comparison: Comparison) -> None:
    """Bars for mixture and oracles, and from the mixture a stem to each other arm's dot."""
    places = np.arange(len(comparison.columns))
    colours = arm_colours(comparison.levels)
    mixture = comparison.levels[MIXTURE]
    for arm in (arm for arm in comparison.levels if arm in REFERENCE_SYSTEMS):
        width = 3 if arm == MIXTURE else 1.6
        bars = comparison.levels[arm]
        axes.hlines(bars, places - 0.3, places + 0.3, color=colours[arm], linewidth=width)
    arms = (BASELINE, *comparison.effects)
    for arm, side in zip(arms, _sides(len(arms)), strict=True):
        levels = comparison.levels[arm]
        axes.vlines(places + side, mixture, levels, color=colours[arm], linewidth=2.6, alpha=0.35)
        axes.scatter(places + side, levels, s=44, color=colours[arm], zorder=3)
        if len(arms) == 2:
            _write_levels(axes, places + side, levels, colours[arm])
    axes.margins(y=0.14)
    axes.set_title(comparison.statistic.title)
    _name_places(axes, comparison)


def _write_levels(axes: Axes, places: Array, levels: Array, colour: str) -> None:
    """In numbers above the dots; more than two arms leave no room for them."""
    for place, level in zip(places, levels, strict=True):
        axes.annotate(
            f"{level:.1f}",
            (place, level),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=colour,
        )


def _draw_differences(axes: Axes, comparison: Comparison) -> None:
    """A faint dot per track, and the mean with its interval."""
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    colours = arm_colours(comparison.levels)
    sides = _sides(len(comparison.effects))
    for (arm, effect), side in zip(comparison.effects.items(), sides, strict=True):
        _draw_effect(axes, effect, side, _HALF_WIDTH / len(sides), colours[arm])
    if len(comparison.effects) == 1:
        _write_verdicts(axes, *comparison.effects.values())
    axes.set_title("Difference from plain, by track")
    _name_places(axes, comparison)


def _draw_effect(axes: Axes, effect: Effect, side: float, half_width: float, colour: str) -> None:
    places = np.arange(len(effect.difference)) + side
    for place, differences in zip(places, effect.track_differences.T, strict=True):
        shown = differences[np.isfinite(differences)]
        steps = side_steps(shown, half_width)
        axes.scatter(place + steps, shown, s=12, color=colour, alpha=0.4, linewidth=0, zorder=2)
    axes.vlines(places, effect.low, effect.high, color=INK, linewidth=2.4, zorder=4)
    axes.scatter(
        places, effect.difference, s=34, color="white", edgecolor=INK, linewidth=1.6, zorder=5
    )


def _write_verdicts(axes: Axes, effect: Effect) -> None:
    """In words above the dots of the one arm there is; of several the forest plot tells them."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))  # room for the words
    for place, (difference, word) in enumerate(
        zip(effect.difference, effect.verdicts, strict=True)
    ):
        axes.annotate(
            f"{signed(difference)}\n{word}",
            (place, 0.995),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def _sides(arms: int) -> Array:
    """Sideways offsets of arms that share a place: (arms,), symmetric."""
    return (np.arange(arms) - (arms - 1) / 2) * _ROOM / arms


def side_steps(values: Array, half_width: float = _HALF_WIDTH) -> Array:
    """Sideways offsets that keep dots of nearby values apart: (n,) -> (n,), the same every time."""
    if len(values) == 0:
        return np.zeros(0)
    bins = np.digitize(values, np.linspace(values.min(), values.max(), _DOT_BINS))
    offsets = np.zeros(len(values))
    for members in (np.flatnonzero(bins == number) for number in set(bins.tolist())):
        offsets[members] = np.arange(len(members)) - (len(members) - 1) / 2
    widest = offsets.max()
    return offsets * min(_DOT_STEP, half_width / widest if widest else _DOT_STEP)


def _name_places(axes: Axes, comparison: Comparison) -> None:
    """The sources below, All set apart by a fine line; both plots measure in dB."""
    names = comparison.columns
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.axvline(len(names) - 1.5, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_ylabel("dB")
    without_vertical_grid(axes)


def _legend(comparison: Comparison) -> list[Line2D]:
    colours = arm_colours(comparison.levels)
    oracles = [arm for arm in comparison.levels if arm in ORACLES]
    bars = [Line2D([], [], color=colours[MIXTURE], linewidth=3, label=arm_name(MIXTURE))]
    if oracles:
        names = ", ".join(map(arm_name, oracles))
        bars.append(Line2D([], [], color=colours[oracles[0]], linewidth=1.6, label=names))
    dots = [
        _dot(arm_name(arm), color=colours[arm], markersize=6.5)
        for arm in (BASELINE, *comparison.effects)
    ]
    track = _dot("one track", color=INK, alpha=0.5, markersize=4)
    mean = _dot(
        "mean with its 95 % interval",
        color=INK,
        linestyle="-",
        linewidth=2.4,
        markersize=5.5,
        markerfacecolor="white",
        markeredgewidth=1.6,
    )
    return [*dots, *bars, track, mean]


def _dot(label: str, **style: Any) -> Line2D:
    return Line2D([], [], **{"marker": "o", "linestyle": "", "label": label, **style})
