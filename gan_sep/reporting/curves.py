"""Training curves of all arms, from the records in a study's table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from gan_sep.reporting.style import arm_colours, arm_name, house_style, source_colours
from gan_sep.statistics.compare import ALL

# A running mean over this share of the records: the noise of single batches hides the trend.
_WINDOW_SHARE = 0.03
_LEGEND_COLUMNS = 6


@dataclass(frozen=True)
class Plot:
    """A metric of the records over steps; smooth adds the running mean and fades the rest.

    by_source: of the discriminators, told by source where one arm has some, else by arm.
    """

    title: str
    metric: str
    smooth: bool = False
    log: bool = False
    by_source: bool = False


PLOTS = (
    Plot(f"validation uSDR, {ALL}, dB", "valid/usdr"),
    Plot(f"validation SDR, {ALL}, dB", "valid/sdr"),
    Plot("discriminator loss", "train/loss/discriminator", smooth=True, by_source=True),
    Plot(
        "adversarial loss of the generator",
        "train/loss/adversarial",
        smooth=True,
        by_source=True,
    ),
    Plot(
        "gradient ratio, adversarial to reconstruction",
        "train/gradient_ratio",
        smooth=True,
        log=True,
        by_source=True,
    ),
)


def curves_figure(frame: pd.DataFrame, terms: Sequence[str]) -> Figure:
    """A plot for everything that the arms recorded; of several seeds thin lines and their mean.

    frame: as of `gan_sep.reporting.frame`. terms: of the reconstruction loss; several, whose
    numbers say nothing of each other, have a plot each. What is recorded by source is shown as the
    mean of the sources. Raises ValueError where there is no record of any of it.
    """
    records = frame[frame["kind"] == "record"]
    colours = arm_colours(dict.fromkeys(frame.loc[frame["kind"] == "cost", "arm"]))
    losses = [Plot(f"loss {name}", f"train/loss/{name}", True, True) for name in terms]
    if len(losses) == 1:
        losses = [Plot("reconstruction loss", "train/loss/reconstruction", True, True)]
    lines = [(plot, list(_lines(records, plot, colours))) for plot in (*losses, *PLOTS)]
    plots = [(plot, found) for plot, found in lines if found]
    if not plots:
        raise ValueError("training curves: no records of training or validation")
    columns = min(len(plots), 2)
    rows = -(-len(plots) // columns)
    with house_style():
        figure = Figure(figsize=(4.9 * columns, 2.6 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for plot, found in plots:
            _draw(next(axes), plot, found)
        for unused in axes:
            unused.set_axis_off()
        named = {label: colour for _, found in plots for label, colour, _ in found}
        handles = [Line2D([], [], color=colour, label=label) for label, colour in named.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=_LEGEND_COLUMNS)
    return figure


Line = tuple[str, str, list["pd.Series[float]"]]
"""Label, colour, and of each seed the values by step."""


def _lines(records: pd.DataFrame, plot: Plot, colours: dict[str, str]) -> Iterator[Line]:
    rows = records[records["metric"] == plot.metric]
    if plot.metric.startswith("valid/"):
        rows = rows[rows["source"] == ALL]
    by = "source" if plot.by_source and rows["arm"].nunique() == 1 else "arm"
    keys = list(dict.fromkeys(rows[by]))
    shown = source_colours(keys) if by == "source" else colours
    for key in keys:
        of_seeds = rows[rows[by] == key].groupby("seed")
        seeds = [own.groupby("step")["value"].mean().dropna() for _, own in of_seeds]
        yield (arm_name(key) if by == "arm" else key), shown[key], seeds


def _draw(axes: Axes, plot: Plot, lines: Sequence[Line]) -> None:
    for label, colour, seeds in lines:
        shown = [running_mean(values) for values in seeds] if plot.smooth else seeds
        for values in shown if len(seeds) > 1 else seeds if plot.smooth else []:
            axes.plot(values.index, values, color=colour, alpha=0.25, linewidth=0.8)
        mean = pd.concat(shown, axis=1, join="inner").mean(axis=1)
        marker = "" if plot.smooth else "o"
        axes.plot(mean.index, mean, color=colour, label=label, marker=marker, ms=3)
    if plot.log and all((values > 0).all() for _, _, seeds in lines for values in seeds):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(plot.title)
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def running_mean(values: "pd.Series[float]") -> "pd.Series[float]":
    """A centred mean over a few percent of the values, at the ends of fewer."""
    reach = int(len(values) * _WINDOW_SHARE / 2)
    return values.rolling(2 * reach + 1, center=True, min_periods=1).mean()
