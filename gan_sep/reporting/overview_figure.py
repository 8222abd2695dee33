"""All arms of several studies in one figure: do their judges overfit, and does it help?"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_sep.reporting.formats import decimals, scale, signed
from gan_sep.reporting.judges import Knowledge
from gan_sep.reporting.part import Part
from gan_sep.reporting.style import FAINT, INK, arm_name, house_style
from gan_sep.reporting.tables import decided

_LINE_INCHES = 0.21
_BETTER, _WORSE, _UNDECIDED = "#009e73", "#d55e00", "#8a8a8a"
_HELD_OUT, _TRAIN = "#0072b2", "#9ecae1"
_DISTANCES = ("mr_stft",)  # beside the first statistic, where it was evaluated


class Line(NamedTuple):
    """One arm at its height, counted from the top."""

    part: Part
    arm: str
    height: float

    @property
    def known(self) -> Knowledge:
        return self.part.knowledge.get(self.arm, Knowledge())


def overview_figure(parts: Sequence[Part]) -> Figure:
    """A line for each arm, below the name of its study; panels from what judges know to the gain.

    Left to right: accuracies on training and held-out material, r_v, the difference in mean SDR and
    that in spectral distance, both of All with 95 % intervals.
    """
    lines, heads, height = [], [], 0.0
    for part in parts:
        heads.append((part.name, height))
        lines += [Line(part, arm, height + 1 + place) for place, arm in enumerate(part.arms)]
        height += len(part.arms) + 1.6
    extra = [name for name in _DISTANCES if all(name in part.study.comparisons for part in parts)]
    with house_style():
        figure = Figure(figsize=(10.4, _LINE_INCHES * height + 1.1), layout="constrained")
        panels = figure.subplots(
            1, 3 + len(extra), sharey=True, width_ratios=[1, 0.8, 1.5, *(1.2 for _ in extra)]
        )
        _draw_accuracies(panels[0], lines)
        _draw_r_v(panels[1], lines)
        for axes, name in zip(panels[2:], ("sdr_mean", *extra), strict=True):
            _draw_differences(axes, lines, name)
        _name_lines(panels[0], lines, heads, height)
    return figure


def _name_lines(
    axes: Axes, lines: Sequence[Line], heads: Sequence[tuple[str, float]], height: float
) -> None:
    """Arms at the left, and above those of each study its name in bold."""
    names = [
        *((head, place) for head, place in heads),
        *((arm_name(x.arm), x.height) for x in lines),
    ]
    axes.set_yticks([place for _, place in names], [name for name, _ in names])
    for label in axes.get_yticklabels()[: len(heads)]:
        label.set_fontweight("bold")
    axes.set_ylim(height - 0.6, -0.9)


def _plain_grid(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=FAINT)


def _draw_accuracies(axes: Axes, lines: Sequence[Line]) -> None:
    for line in lines:
        known = line.known
        axes.hlines(line.height, known.held_out, known.train, color=_TRAIN, linewidth=2.2)
    _dots(axes, lines, lambda known: known.train, color=_TRAIN, label="training")
    _dots(axes, lines, lambda known: known.held_out, color=_HELD_OUT, label="held out")
    axes.set_xlim(0.45, 1.03)
    axes.axvline(0.5, color=INK, linewidth=0.9, linestyle=":")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.04), ncols=2, handletextpad=0.1)
    _plain_grid(axes, "judged correctly", "share of segments")
    axes.set_title("")


def _draw_r_v(axes: Axes, lines: Sequence[Line]) -> None:
    _dots(axes, lines, lambda known: known.r_v, color=_HELD_OUT)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(0.2, color=_WORSE, linewidth=0.9, linestyle=":")
    _plain_grid(axes, "$r_v$", "0.2 and more: overfitting")


def _dots(
    axes: Axes,
    lines: Sequence[Line],
    value: Callable[[Knowledge], float],
    color: str,
    label: str | None = None,
) -> None:
    values = [value(line.known) for line in lines]
    axes.scatter(values, [line.height for line in lines], s=26, color=color, label=label, zorder=3)


def _draw_differences(axes: Axes, lines: Sequence[Line], name: str) -> None:
    """Intervals with their middles, coloured where they leave 0, and the number beside."""
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for line in lines:
        comparison = line.part.study.comparisons[name]
        effect = comparison.effects[line.arm]
        difference, verdict = effect.difference[-1], effect.verdicts[-1]
        colour = {"better": _BETTER, "worse": _WORSE}.get(verdict, _UNDECIDED)
        axes.hlines(line.height, effect.low[-1], effect.high[-1], color=colour, linewidth=2.4)
        axes.scatter(difference, line.height, s=26, color=colour, zorder=3)
        axes.annotate(
            signed(difference, min(decimals(comparison), 3)),
            (1.02, line.height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            fontweight="bold" if decided(verdict) else "normal",
        )
    statistic = lines[0].part.study.comparisons[name].statistic
    _plain_grid(axes, statistic.title.partition(",")[0], f"difference, {scale(statistic)}")
    widest = np.nanmax(np.abs(axes.get_xlim()))
    axes.set_xlim(-widest, widest)
