"""The comparison as a figure: where the arms stand, and by how much they differ on every track."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.effects import by_arm, compared, names
from gan_sep.reporting.forest_figure import interval_mark
from gan_sep.reporting.formats import signed
from gan_sep.reporting.style import INK, arm_colours, arm_name, house_style
from gan_sep.statistics.averages import Array
from gan_sep.statistics.pairing import MIXTURE, REFERENCE_SYSTEMS

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


def comparison_figure(lines: pd.DataFrame) -> Figure:
    """One row for each of GNSDR, SDR and uSDR that is there: levels at the left, differences right.

    lines: those of the table in `gan_sep.reporting.effects`. Raises ValueError where none of the
    three is there.
    """
    of = {str(name): own for name, own in lines.groupby("statistic", sort=False)}
    rows = [(of[a], of[b]) for a, b in ROWS if {a, b} <= of.keys()]
    if not rows:
        raise ValueError(
            f"comparison figure: expected one of the statistics {', '.join(a for a, _ in ROWS)}, "
            f"got {', '.join(of) or 'none'}; evaluate with sdr, usdr or bss_v3"
        )
    first = rows[0][0]
    colours = arm_colours(names(first["arm"]))
    width = _plot_inches(names(first["source"]), compared(first)["arm"].nunique() + 1)
    with house_style():
        figure = Figure(figsize=(2 * width, 0.5 + 2.7 * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), 2, squeeze=False)
        for (levels, differences), (left, right) in zip(rows, axes, strict=True):
            _draw_levels(left, levels, colours)
            _draw_differences(right, compared(differences), colours)
        figure.legend(handles=_legend(colours), loc="outside lower center", ncols=6)
    return figure


def _plot_inches(names: Sequence[str], arms: int) -> float:
    """The width at which titles fit and neither neighbouring names, centred below their places, nor
    the dots of neighbouring arms meet."""
    longest = max((len(left) + len(right)) / 2 for left, right in pairwise(names))
    place = max(_PLACE_INCHES, _CHARACTER_INCHES * (longest + 1), _ARM_INCHES * arms)
    return max(_TITLE_INCHES, 1 + place * len(names))


def _draw_levels(axes: Axes, lines: pd.DataFrame, colours: dict[str, str]) -> None:
    """Bars for mixture and oracles, and from the mixture a stem to each other arm's dot."""
    levels = {arm: own["level"].to_numpy() for arm, own in by_arm(lines).items()}
    mixture = levels[MIXTURE]
    places = np.arange(len(mixture))
    for arm in (arm for arm in levels if arm in REFERENCE_SYSTEMS):
        width = 3 if arm == MIXTURE else 1.6
        axes.hlines(levels[arm], places - 0.3, places + 0.3, color=colours[arm], linewidth=width)
    arms = [arm for arm in levels if arm not in REFERENCE_SYSTEMS]
    for arm, side in zip(arms, _sides(len(arms)), strict=True):
        own = levels[arm]
        axes.vlines(places + side, mixture, own, color=colours[arm], linewidth=2.6, alpha=0.35)
        axes.scatter(places + side, own, s=44, color=colours[arm], zorder=3)
        if len(arms) == 2:  # more leave no room for numbers above the dots
            for place, level in zip(places + side, own, strict=True):
                _write(axes, f"{level:.1f}", (place, level), color=colours[arm],
                       xytext=(0, 6), textcoords="offset points")  # fmt: skip
    axes.margins(y=0.14)
    axes.set_title(lines["title"].iloc[0])
    _name_places(axes, names(lines["source"]))


def _draw_differences(axes: Axes, lines: pd.DataFrame, colours: dict[str, str]) -> None:
    """A faint dot per track, and the mean with its interval."""
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    arms = by_arm(lines)
    for (arm, own), side in zip(arms.items(), _sides(len(arms)), strict=True):
        _draw_effect(axes, own, side, _HALF_WIDTH / len(arms), colours[arm])
    if len(arms) == 1:  # of several the forest plot tells the verdicts
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.2 * (high - low))  # room for the words
        for place, line in enumerate(lines.to_dict("records")):
            _write(axes, f"{signed(line['difference'])}\n{line['verdict']}", (place, 0.995),
                   xycoords=("data", "axes fraction"), va="top",
                   bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    axes.set_title("Difference from plain, by track")
    _name_places(axes, names(lines["source"]))


def _draw_effect(
    axes: Axes, lines: pd.DataFrame, side: float, half_width: float, colour: str
) -> None:
    places = np.arange(len(lines)) + side
    for place, differences in zip(places, lines["track_differences"], strict=True):
        shown = differences[np.isfinite(differences)]
        steps = side_steps(shown, half_width)
        axes.scatter(place + steps, shown, s=12, color=colour, alpha=0.4, linewidth=0, zorder=2)
    axes.vlines(places, lines["low"], lines["high"], color=INK, linewidth=2.4, zorder=4)
    axes.scatter(
        places, lines["difference"], s=34, color="white", edgecolor=INK, linewidth=1.6, zorder=5
    )


def _write(axes: Axes, text: str, place: tuple[float, float], **how: Any) -> None:
    axes.annotate(text, place, ha="center", fontsize=7.5, **how)


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


def _name_places(axes: Axes, sources: Sequence[str]) -> None:
    """The sources below, All set apart by a fine line; both plots measure in dB."""
    axes.set_xticks(range(len(sources)), sources)
    axes.set_xlim(-0.6, len(sources) - 0.4)
    axes.axvline(len(sources) - 1.5, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_ylabel("dB")
    axes.grid(visible=False, axis="x")


def _legend(colours: dict[str, str]) -> list[Line2D]:
    oracles = [arm for arm in colours if arm in ORACLES]
    bars = [Line2D([], [], color=colours[MIXTURE], linewidth=3, label=arm_name(MIXTURE))]
    if oracles:
        named = ", ".join(map(arm_name, oracles))
        bars.append(Line2D([], [], color=colours[oracles[0]], linewidth=1.6, label=named))
    dots = [
        _dot(arm_name(arm), color=colour, markersize=6.5)
        for arm, colour in colours.items()
        if arm not in REFERENCE_SYSTEMS
    ]
    track = _dot("one track", color=INK, alpha=0.5, markersize=4)
    mean = interval_mark("mean with its 95 % interval", INK, face="white")
    return [*dots, *bars, track, mean]


def _dot(label: str, **style: Any) -> Line2D:
    return Line2D([], [], **{"marker": "o", "linestyle": "", "label": label, **style})
