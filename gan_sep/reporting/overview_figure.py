"""All arms of a study in one figure: do their discriminators overfit, and does it help?"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_sep.reporting.formats import decimals, scale, signed
from gan_sep.reporting.knowledge import Knowledge
from gan_sep.reporting.part import SHOWN, Part
from gan_sep.reporting.style import FAINT, INK, arm_name, house_style
from gan_sep.reporting.tables import decided

_LINE_INCHES = 0.21
_BETTER, _WORSE, _UNDECIDED = "#009e73", "#d55e00", "#8a8a8a"
_HELD_OUT, _TRAIN = "#0072b2", "#9ecae1"
_DISTANCES = ("mr_stft",)  # beside the first statistic, where it was evaluated
_MOST_DIGITS = 3
TOO_MUCH = 0.2  # the r_v that the studies on overfitting want to stay below


def overview_figure(part: Part) -> Figure:
    """All arms of a study, a line each; plots from what discriminators know to what the arm gains.

    Left to right: accuracies on training and held-out material, r_v, the difference in mean SDR and
    that in spectral distance, both of All with 95 % intervals.
    """
    names = [SHOWN, *(name for name in _DISTANCES if name in part.study.comparisons)]
    with house_style():
        size = (9.6, _LINE_INCHES * len(part.arms) + 1.25)
        figure = Figure(figsize=size, layout="constrained")
        widths = [1, 0.8, *(1.3 for _ in names)]
        plots = figure.subplots(1, len(widths), sharey=True, width_ratios=widths)
        _draw_accuracies(plots[0], part)
        _draw_r_v(plots[1], part)
        for axes, name in zip(plots[2:], names, strict=True):
            _draw_differences(axes, part, name)
        plots[0].set_yticks(range(len(part.arms)), list(map(arm_name, part.arms)))
        plots[0].set_ylim(len(part.arms) - 0.4, -0.6)
    return figure


def _label(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=FAINT)


def _draw_accuracies(axes: Axes, part: Part) -> None:
    for height, known in enumerate(_known(part)):
        axes.hlines(height, known.held_out, known.train, color=_TRAIN, linewidth=2.2)
    _dots(axes, [known.train for known in _known(part)], _TRAIN, "training")
    _dots(axes, [known.held_out for known in _known(part)], _HELD_OUT, "held out")
    lowest = min(value for known in _known(part) for value in (0.48, known.train, known.held_out))
    axes.set_xlim(lowest - 0.03, 1.03)
    axes.axvline(0.5, color=INK, linewidth=0.9, linestyle=":")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.08, 1.0), ncols=2, handletextpad=0.1)
    _label(axes, "", "classified correctly")


def _draw_r_v(axes: Axes, part: Part) -> None:
    _dots(axes, [known.r_v for known in _known(part)], _HELD_OUT)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(TOO_MUCH, color=_WORSE, linewidth=0.9, linestyle=":")
    _label(axes, "$r_v$", f"dotted: {TOO_MUCH}")


def _known(part: Part) -> list[Knowledge]:
    return [part.knowledge.get(arm, Knowledge()) for arm in part.arms]


def _dots(axes: Axes, values: Sequence[float], colour: str, label: str | None = None) -> None:
    axes.scatter(values, range(len(values)), s=26, color=colour, label=label, zorder=3)


def _draw_differences(axes: Axes, part: Part, name: str) -> None:
    """Intervals with their middles, coloured where they leave 0, and the number beside."""
    comparison = part.study.comparisons[name]
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for height, effect in enumerate(comparison.effects.values()):
        difference, verdict = effect.difference[-1], effect.verdicts[-1]
        colour = {"better": _BETTER, "worse": _WORSE}.get(verdict, _UNDECIDED)
        axes.hlines(height, effect.low[-1], effect.high[-1], color=colour, linewidth=2.4)
        axes.scatter(difference, height, s=26, color=colour, zorder=3)
        axes.annotate(
            signed(difference, min(decimals(comparison), _MOST_DIGITS)),
            (1.02, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            fontweight="bold" if decided(verdict) else "normal",
        )
    statistic = comparison.statistic
    _label(axes, statistic.title.partition(",")[0], f"difference, {scale(statistic)}")
    widest = np.nanmax(np.abs(axes.get_xlim()))
    axes.set_xlim(-widest, widest)
