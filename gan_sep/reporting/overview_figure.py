"""All arms of all studies in one figure: do their discriminators overfit, and does it help?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_sep.reporting.effects import by_statistic
from gan_sep.reporting.forest_figure import only_vertical_grid, write_beside
from gan_sep.reporting.formats import signed
from gan_sep.reporting.part import SHOWN, Part
from gan_sep.reporting.style import INK, arm_name, house_style
from gan_sep.reporting.tables import decided

_LINE_INCHES = 0.21
_BETTER, _WORSE, _UNDECIDED = "#009e73", "#d55e00", "#8a8a8a"
_HELD_OUT, _TRAIN = "#0072b2", "#9ecae1"
_DISTANCES = ("mr_stft",)  # beside the first statistic, where it was evaluated
_MOST_DIGITS = 3
TOO_MUCH = 0.2  # the r_v that the studies on overfitting want to stay below


def overview_figure(parts: Sequence[Part]) -> Figure:
    """A block of plots per study, a line per arm; from what discriminators know to what arms gain.

    Left to right: accuracies on training and held-out material, r_v, the difference in mean SDR and
    that in spectral distance, both of All with 95 % intervals.
    """
    wanted = [n for n in _DISTANCES if all(n in part.study.statistics for part in parts)]
    shown = [list(by_statistic(part.of_all((SHOWN, *wanted)))) for part in parts]
    heights = [len(part.arms) + 1.5 for part in parts]
    with house_style():
        size = (9.6, _LINE_INCHES * sum(heights) + 1)
        figure = Figure(figsize=size, layout="constrained")
        plots = figure.subplots(
            len(parts),
            3 + len(wanted),
            squeeze=False,
            sharex="col",
            sharey="row",
            width_ratios=[1, 0.8, *(1.3 for _ in shown[0])],
            height_ratios=heights,
        )
        for row, part, statistics in zip(plots, parts, shown, strict=True):
            _draw_accuracies(row[0], part)
            _dots(row[1], part.knowledge["r_v"], _HELD_OUT)
            row[1].axvline(0, color=INK, linewidth=0.9)
            row[1].axvline(TOO_MUCH, color=_WORSE, linewidth=0.9, linestyle=":")
            for axes, of in zip(row[2:], statistics, strict=True):
                _draw_differences(axes, of)
            row[0].set_title(part.name if len(parts) > 1 else "")
            row[0].set_yticks(range(len(part.arms)), list(map(arm_name, part.arms)))
            row[0].set_ylim(len(part.arms) - 0.4, -0.6)
        _name_columns(plots, pd.concat(shown[0]).drop_duplicates("statistic"))
        figure.legend(*plots[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _name_columns(plots: np.ndarray, statistics: pd.DataFrame) -> None:
    """Titles above, units below; differences are drawn around 0."""
    labels = ["classified correctly", f"dotted: {TOO_MUCH}"]
    labels += [f"difference, {scale}" for scale in statistics["scale"]]
    titles = ["$r_v$", *(title.partition(",")[0] for title in statistics["title"])]
    for axes, title in zip(plots[0, 1:], titles, strict=True):
        axes.set_title(title)
    for axes, label in zip(plots[-1], labels, strict=True):
        axes.set_xlabel(label)
    for axes in plots[0, 2:]:
        widest = np.nanmax(np.abs(axes.get_xlim()))
        axes.set_xlim(-widest, widest)
    for axes in plots.flat:
        only_vertical_grid(axes)


def _draw_accuracies(axes: Axes, part: Part) -> None:
    known = part.knowledge
    axes.hlines(range(len(known)), known["held_out"], known["train"], color=_TRAIN, linewidth=2.2)
    _dots(axes, known["train"], _TRAIN, "training")
    _dots(axes, known["held_out"], _HELD_OUT, "held out")
    axes.axvline(0.5, color=INK, linewidth=0.9, linestyle=":")


def _dots(axes: Axes, values: pd.Series, colour: str, label: str | None = None) -> None:
    axes.scatter(values, range(len(values)), s=26, color=colour, label=label, zorder=3)


def _draw_differences(axes: Axes, lines: pd.DataFrame) -> None:
    """Intervals with their middles, coloured where they leave 0, and the number beside."""
    axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for height, line in enumerate(lines.to_dict("records")):
        colour = {"better": _BETTER, "worse": _WORSE}.get(line["verdict"], _UNDECIDED)
        axes.hlines(height, line["low"], line["high"], color=colour, linewidth=2.4)
        axes.scatter(line["difference"], height, s=26, color=colour, zorder=3)
        number = signed(line["difference"], min(line["digits"], _MOST_DIGITS))
        write_beside(axes, height, number, decided(line["verdict"]))
