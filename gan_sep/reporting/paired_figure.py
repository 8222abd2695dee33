"""The curve over paired tracks: how far arms come with few songs whose stems are known, and what
their discriminators memorise."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_sep.reporting.overview_figure import TOO_MUCH
from gan_sep.reporting.part import Part
from gan_sep.reporting.style import INK, arm_colours, arm_name, house_style
from gan_sep.statistics.compare import ALL
from gan_sep.statistics.pairing import BASELINE

_SIDE_STEP = 0.1  # between arms at one place, in octaves of the axis


def paired_figure(parts: Sequence[Part]) -> Figure:
    """Left the level of every arm, amid what it differs from the plain one, with 95 % intervals.

    Both of All in mean SDR; right r_v. Over the number of paired tracks; the parts have the same
    arms.
    """
    parts = sorted(parts, key=lambda part: part.paired)
    places = [part.paired for part in parts]
    colours = arm_colours((BASELINE, *parts[0].arms))
    with house_style():
        figure = Figure(figsize=(9.6, 3.1), layout="constrained")
        levels, differences, memories = figure.subplots(1, 3)
        for arm, colour in colours.items():
            values = [part.shown["level"][arm] for part in parts]
            levels.plot(places, values, color=colour, marker="o", markersize=4, label=arm_name(arm))
            if arm != BASELINE:
                values = [part.knowledge["r_v"][arm] for part in parts]
                memories.plot(places, values, color=colour, marker="o", markersize=4)
        _draw_differences(differences, parts, colours)
        memories.axhline(TOO_MUCH, color=INK, linewidth=0.9, linestyle=":")
        memories.set_ylim(bottom=min(0.0, memories.get_ylim()[0]))
        first = parts[0].shown.iloc[0]
        levels.set_ylabel(f"{ALL}, {first['scale']}")
        differences.set_ylabel(f"difference from {arm_name(BASELINE)}, dB")
        memories.set_ylabel(f"0: none memorised; dotted: {TOO_MUCH}")
        levels.set_title(first["title"])
        differences.set_title("and what the arm changes")
        memories.set_title("$r_v$ of the discriminators")
        for axes in (levels, differences, memories):
            axes.set_xscale("log", base=2)
            axes.set_xticks(places, list(map(str, places)))
            axes.minorticks_off()
            axes.set_xlabel("paired training tracks")
        levels.legend(loc="lower right")
    return figure


def _draw_differences(axes: Axes, parts: Sequence[Part], colours: Mapping[str, str]) -> None:
    """Intervals, their middles, and the seeds as small marks."""
    axes.axhline(0, color=INK, linewidth=0.9)
    arms = parts[0].arms
    for place, arm in enumerate(arms):
        beside = 2 ** ((place - (len(arms) - 1) / 2) * _SIDE_STEP)
        for part in parts:
            line, at = part.shown.loc[arm], part.paired * beside
            axes.vlines(at, line["low"], line["high"], color=colours[arm], linewidth=2.4)
            axes.scatter(at, line["difference"], s=30, color=colours[arm], zorder=3)
            if len(seeds := line["seed_differences"]) > 1:
                axes.scatter(np.full(len(seeds), at * 1.03), seeds, s=13, marker="_", color=INK)
