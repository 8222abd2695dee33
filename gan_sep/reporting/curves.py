"""Training curves of both arms, from their records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from gan_sep.evaluation.statistics import ALL
from gan_sep.reporting.runs import ArmRun, number_at
from gan_sep.reporting.style import arm_colours, arm_name, house_style, source_colours

# A running mean over this share of the records: the noise of single batches hides the trend.
_WINDOW_SHARE = 0.03


@dataclass(frozen=True)
class Curve:
    """A number over steps: steps (n,), values (n,) without NaN."""

    label: str
    colour: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """What one panel shows of which records; smooth adds the running mean and fades the rest."""

    title: str
    curves: Callable[[Sequence[ArmRun]], list[Curve]]
    smooth: bool = False
    log: bool = False


def curves_figure(runs: Sequence[ArmRun]) -> Figure:
    """A panel for everything that the arms recorded; several seeds of an arm share its colour.

    Raises ValueError where there is no record of any of it.
    """
    panels = [(panel, curves) for panel in PANELS if (curves := panel.curves(runs))]
    if not panels:
        folders = ", ".join(str(run.folder) for run in runs)
        raise ValueError(f"training curves: no records of training or validation in {folders}")
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    with house_style():
        figure = Figure(figsize=(4.9 * columns, 2.6 * rows + 0.2), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).flat
        for panel, curves in panels:
            _draw(next(axes), panel, curves)
        for unused in axes:
            unused.set_axis_off()
    return figure


def _of_arms(kind: str, key: str) -> Callable[[Sequence[ArmRun]], list[Curve]]:
    """A curve per run, in its arm's colour."""

    def curves(runs: Sequence[ArmRun]) -> list[Curve]:
        colours = arm_colours(dict.fromkeys(run.arm for run in runs))
        named = [_curve(run, kind, key, arm_name(run.arm), colours[run.arm]) for run in runs]
        return [curve for curve in named if len(curve.steps)]

    return curves


def _of_sources(kind: str, key: str) -> Callable[[Sequence[ArmRun]], list[Curve]]:
    """A curve per source and GAN run, in the source's colour."""

    def curves(runs: Sequence[ArmRun]) -> list[Curve]:
        named = [
            _curve(run, kind, f"{key}/{source}", source, colour)
            for run in runs
            if run.arm == "gan"
            for source, colour in source_colours(run.config["audio"]["sources"]).items()
        ]
        return [curve for curve in named if len(curve.steps)]

    return curves


PANELS = (
    Panel("reconstruction loss", _of_arms("train", "loss/reconstruction"), smooth=True, log=True),
    Panel(f"validation uSDR, {ALL}, dB", _of_arms("valid", f"usdr/{ALL}")),
    Panel(f"validation SDR, {ALL}, dB", _of_arms("valid", f"sdr/{ALL}")),
    Panel("discriminator loss", _of_sources("train", "loss/discriminator"), smooth=True),
    Panel(
        "adversarial loss of the generator", _of_sources("train", "loss/adversarial"), smooth=True
    ),
    Panel(
        "gradient ratio, adversarial to reconstruction",
        _of_sources("train", "gradient_ratio"),
        smooth=True,
        log=True,
    ),
)


def _curve(run: ArmRun, kind: str, key: str, label: str, colour: str) -> Curve:
    records = run.records(kind)
    steps = np.array([record["step"] for record in records], dtype=np.float64)
    values = np.array([number_at(record, key) for record in records], dtype=np.float64)
    known = np.isfinite(values)
    return Curve(label, colour, steps[known], values[known])


def _draw(axes: Axes, panel: Panel, curves: Sequence[Curve]) -> None:
    named: set[str] = set()
    for curve in curves:
        label = None if curve.label in named else curve.label
        named.add(curve.label)
        if panel.smooth:
            axes.plot(curve.steps, curve.values, color=curve.colour, alpha=0.2, linewidth=0.8)
            axes.plot(curve.steps, running_mean(curve.values), color=curve.colour, label=label)
        else:
            axes.plot(curve.steps, curve.values, color=curve.colour, label=label, marker="o", ms=3)
    if panel.log and all((curve.values > 0).all() for curve in curves):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(panel.title)
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(ncols=2 if len(named) > 3 else 1)


def running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred mean over a few percent of the values, at the ends of fewer: (n,) -> (n,)."""
    reach = int(len(values) * _WINDOW_SHARE / 2)
    window = np.ones(2 * reach + 1)
    counts = np.convolve(np.ones(len(values)), window, mode="same")
    return np.convolve(values, window, mode="same") / counts
