"""Training curves of all arms, from their records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from gan_sep.reporting.runs import ArmRun, number_at
from gan_sep.reporting.style import arm_colours, arm_name, house_style, source_colours
from gan_sep.statistics.compare import ALL

# A running mean over this share of the records: the noise of single batches hides the trend.
_WINDOW_SHARE = 0.03
_LEGEND_COLUMNS = 6


@dataclass(frozen=True)
class Curve:
    """A number over steps: steps (n,), values (n,) without NaN."""

    label: str
    colour: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]

    def smoothed(self) -> Self:
        """The running mean, at the same steps."""
        return replace(self, values=running_mean(self.values))


Colours = Mapping[str, str]
"""Arm -> colour."""


@dataclass(frozen=True)
class Plot:
    """What one plot shows of which records; smooth adds the running mean and fades the rest."""

    title: str
    curves: Callable[[Sequence[ArmRun], Colours], list[Curve]]
    smooth: bool = False
    log: bool = False


def curves_figure(runs: Sequence[ArmRun]) -> Figure:
    """A plot for everything that the arms recorded; of several seeds thin lines and their mean.

    What discriminators recorded is shown by source, or, where several arms have some, by arm as the
    mean of the sources.
    Raises ValueError where there is no record of any of it.
    """
    colours = arm_colours(dict.fromkeys(run.arm for run in runs))
    wanted = (*_reconstruction_plots(runs), *PLOTS)
    plots = [(plot, curves) for plot in wanted if (curves := plot.curves(runs, colours))]
    if not plots:
        folders = ", ".join(str(run.folder) for run in runs)
        raise ValueError(f"training curves: no records of training or validation in {folders}")
    columns = min(len(plots), 2)
    rows = -(-len(plots) // columns)
    with house_style():
        figure = Figure(figsize=(4.9 * columns, 2.6 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for plot, curves in plots:
            _draw(next(axes), plot, curves)
        for unused in axes:
            unused.set_axis_off()
        named = {curve.label: curve.colour for _, curves in plots for curve in curves}
        handles = [Line2D([], [], color=colour, label=label) for label, colour in named.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=_LEGEND_COLUMNS)
    return figure


def _of_arms(kind: str, key: str) -> Callable[[Sequence[ArmRun], Colours], list[Curve]]:
    """A curve per run that recorded it, in its arm's colour; of a number per source the mean."""

    def curves(runs: Sequence[ArmRun], colours: Colours) -> list[Curve]:
        named = [_curve(run, kind, key, arm_name(run.arm), colours[run.arm]) for run in runs]
        return [curve for curve in named if len(curve.steps)]

    return curves


def _of_discriminators(kind: str, key: str) -> Callable[[Sequence[ArmRun], Colours], list[Curve]]:
    """A curve per source of the one adversarial arm; a curve per arm where there are several."""

    def curves(runs: Sequence[ArmRun], colours: Colours) -> list[Curve]:
        adversarial = [run for run in runs if run.config["discriminator"]]
        if len({run.arm for run in adversarial}) > 1:
            return _of_arms(kind, key)(adversarial, colours)
        named = [
            _curve(run, kind, f"{key}/{source}", source, colour)
            for run in adversarial
            for source, colour in source_colours(run.config["audio"]["sources"]).items()
        ]
        return [curve for curve in named if len(curve.steps)]

    return curves


PLOTS = (
    Plot(f"validation uSDR, {ALL}, dB", _of_arms("valid", f"usdr/{ALL}")),
    Plot(f"validation SDR, {ALL}, dB", _of_arms("valid", f"sdr/{ALL}")),
    Plot("discriminator loss", _of_discriminators("train", "loss/discriminator"), smooth=True),
    Plot(
        "adversarial loss of the generator",
        _of_discriminators("train", "loss/adversarial"),
        smooth=True,
    ),
    Plot(
        "gradient ratio, adversarial to reconstruction",
        _of_discriminators("train", "gradient_ratio"),
        smooth=True,
        log=True,
    ),
)


def _reconstruction_plots(runs: Sequence[ArmRun]) -> list[Plot]:
    """One plot; with several terms, whose numbers say nothing of each other, one for each."""
    terms = dict.fromkeys(name for run in runs for name in run.loss_names)
    if len(terms) == 1:
        return [Plot("reconstruction loss", _of_arms("train", "loss/reconstruction"), True, True)]
    return [Plot(f"loss {name}", _of_arms("train", f"loss/{name}"), True, True) for name in terms]


def _curve(run: ArmRun, kind: str, key: str, label: str, colour: str) -> Curve:
    records = run.records(kind)
    steps = np.array([record["step"] for record in records], dtype=np.float64)
    values = np.array([number_at(record, key) for record in records], dtype=np.float64)
    known = np.isfinite(values)
    return Curve(label, colour, steps[known], values[known])


def _draw(axes: Axes, plot: Plot, curves: Sequence[Curve]) -> None:
    for label in dict.fromkeys(curve.label for curve in curves):
        _draw_seeds(axes, [curve for curve in curves if curve.label == label], plot.smooth)
    if plot.log and all((curve.values > 0).all() for curve in curves):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(plot.title)
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _draw_seeds(axes: Axes, curves: Sequence[Curve], smooth: bool) -> None:
    """One thing of all seeds: their mean, and behind it faintly the seeds, or the one seed's noise.

    smooth: the numbers are noisy, so that running means are shown in their place.
    """
    shown = [curve.smoothed() for curve in curves] if smooth else curves
    behind = shown if len(curves) > 1 else curves if smooth else []
    for curve in behind:
        axes.plot(curve.steps, curve.values, color=curve.colour, alpha=0.25, linewidth=0.8)
    mean = mean_curve(shown)
    marker = "" if smooth else "o"
    axes.plot(mean.steps, mean.values, color=mean.colour, label=mean.label, marker=marker, ms=3)


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean of the seeds at the steps that all of them recorded."""
    steps = reduce(np.intersect1d, (curve.steps for curve in curves))
    values = [curve.values[np.isin(curve.steps, steps)] for curve in curves]
    return replace(curves[0], steps=steps, values=np.mean(values, axis=0))


def running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred mean over a few percent of the values, at the ends of fewer: (n,) -> (n,)."""
    reach = int(len(values) * _WINDOW_SHARE / 2)
    window = np.ones(2 * reach + 1)
    counts = np.convolve(np.ones(len(values)), window, mode="same")
    return np.convolve(values, window, mode="same") / counts
