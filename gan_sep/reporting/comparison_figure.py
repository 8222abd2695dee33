"""The comparison as a figure: where the arms stand, and by how much they differ on every track."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gan_sep.evaluation.statistics import Comparison
from gan_sep.reporting.style import ARM_COLOURS, ARM_NAMES, INK, house_style, without_vertical_grid
from gan_sep.reporting.tables import signed

# Levels follow the published statistic; the differences' dots belong to a mean, so that the mean
# with its interval lies in the middle of its dots.
ROWS = (("gnsdr", "gnsdr"), ("sdr", "sdr_mean"), ("usdr", "usdr"))

_DOT_STEP = 0.045
_DOT_BINS = 26
_HALF_WIDTH = 0.38
_ARM_SIDE = 0.15


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
    names = len(rows[0][0].columns)
    with house_style():
        figure = Figure(figsize=(4.2 + 1.15 * names, 0.5 + 2.7 * len(rows)), layout="constrained")
        axes = figure.subplots(len(rows), 2, squeeze=False)
        for (levels, differences), (left, right) in zip(rows, axes, strict=True):
            _draw_levels(left, levels)
            _draw_differences(right, differences)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=5)
    return figure


def _draw_levels(axes: Axes, comparison: Comparison) -> None:
    """A bar for the mixture, and from there a stem to each arm's dot."""
    places = np.arange(len(comparison.columns))
    mixture = comparison.levels["mixture"]
    axes.hlines(
        mixture, places - 0.3, places + 0.3, color=ARM_COLOURS["mixture"], linewidth=3, zorder=2
    )
    for arm, side in (("plain", -_ARM_SIDE), ("gan", _ARM_SIDE)):
        levels, colour = comparison.levels[arm], ARM_COLOURS[arm]
        axes.vlines(places + side, mixture, levels, color=colour, linewidth=2.6, alpha=0.35)
        axes.scatter(places + side, levels, s=44, color=colour, zorder=3)
        for place, level in zip(places + side, levels, strict=True):
            axes.annotate(
                f"{level:.1f}",
                (place, level),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=colour,
            )
    axes.margins(y=0.14)
    axes.set_title(comparison.statistic.title)
    _name_places(axes, comparison)


def _draw_differences(axes: Axes, comparison: Comparison) -> None:
    """A faint dot per track, and the mean with its interval, in words above."""
    places = np.arange(len(comparison.columns))
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    for place, differences in enumerate(comparison.track_differences.T):
        shown = differences[np.isfinite(differences)]
        axes.scatter(
            place + side_steps(shown),
            shown,
            s=12,
            color=ARM_COLOURS["gan"],
            alpha=0.4,
            linewidth=0,
            zorder=2,
        )
    axes.vlines(places, comparison.low, comparison.high, color=INK, linewidth=2.4, zorder=4)
    axes.scatter(
        places, comparison.difference, s=34, color="white", edgecolor=INK, linewidth=1.6, zorder=5
    )
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))  # room for the words
    for place, word in enumerate(comparison.verdicts):
        axes.annotate(
            f"{signed(comparison.difference[place])}\n{word}",
            (place, 0.995),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_title("GAN - plain on each track, and its mean")
    _name_places(axes, comparison)


def side_steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sideways offsets that keep dots of nearby values apart: (n,) -> (n,), the same every time."""
    if len(values) == 0:
        return np.zeros(0)
    bins = np.digitize(values, np.linspace(values.min(), values.max(), _DOT_BINS))
    offsets = np.zeros(len(values))
    for members in (np.flatnonzero(bins == number) for number in set(bins.tolist())):
        offsets[members] = np.arange(len(members)) - (len(members) - 1) / 2
    widest = offsets.max()
    return offsets * min(_DOT_STEP, _HALF_WIDTH / widest if widest else _DOT_STEP)


def _name_places(axes: Axes, comparison: Comparison) -> None:
    """The sources below, All set apart by a fine line; both panels measure in dB."""
    names = comparison.columns
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.axvline(len(names) - 1.5, color="#b0b0b0", linewidth=0.8, linestyle=(0, (2, 2)))
    axes.set_ylabel("dB")
    without_vertical_grid(axes)


def _legend() -> list[Line2D]:
    mixture = Line2D([], [], color=ARM_COLOURS["mixture"], linewidth=3, label=ARM_NAMES["mixture"])
    plain, gan = (
        _dot(ARM_NAMES[arm], color=ARM_COLOURS[arm], markersize=6.5) for arm in ("plain", "gan")
    )
    track = _dot("one track", color=ARM_COLOURS["gan"], alpha=0.5, markersize=4)
    mean = _dot(
        "mean with its 95 % interval",
        color=INK,
        linestyle="-",
        linewidth=2.4,
        markersize=5.5,
        markerfacecolor="white",
        markeredgewidth=1.6,
    )
    return [mixture, plain, gan, track, mean]


def _dot(label: str, **style: Any) -> Line2D:
    return Line2D([], [], **{"marker": "o", "linestyle": "", "label": label, **style})
