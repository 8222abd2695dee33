"""Figures of the discriminators' diagnosis: over time, and the scores of one step as histograms.

Both read diagnosis records {"step": int, "sources": {name: what `diagnostics.measure` gives}}.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_sep.adversarial.diagnostics import BIN_RANGE, NUM_BINS, SETS, THRESHOLD
from gan_sep.adversarial.verdict import MAX_R_V, MIN_ACCURACY
from gan_sep.reporting.style import INK, house_style, write_png

Diagnoses = Sequence[tuple[int, Mapping[str, Any]]]
Style = dict[str, Any]

# Blue is real and orange estimated; dark and whole is training, light and dashed held out.
SET_STYLES: dict[str, Style] = {
    "real_train": {"color": "#08519c", "linestyle": "-", "label": "real, training"},
    "real_valid": {"color": "#6baed6", "linestyle": "--", "label": "real, held out"},
    "fake_train": {"color": "#a63603", "linestyle": "-", "label": "estimate, training"},
    "fake_valid": {"color": "#fd8d3c", "linestyle": "--", "label": "estimate, held out"},
}
TRAIN: Style = {"color": INK, "linestyle": "-", "label": "training"}
HELD_OUT: Style = {"color": "#8c8c8c", "linestyle": "--", "label": "held out"}
R_V: Style = {"color": "#117733", "linestyle": "-", "label": "$r_v$"}
R_T: Style = {"color": "#aa4499", "linestyle": "--", "label": "$r_t$"}


def draw_history(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a PNG: mean scores, accuracies, r_v and r_t over steps, one column for each source.

    A number that could not be measured leaves a gap in its line; bands are two standard errors.
    Raises ValueError where history is empty.
    """
    if not history:
        raise ValueError(f"{path}: expected at least one diagnosis record to draw, got none")
    names = list(history[-1]["sources"])
    rows = {"mean score": _means, "accuracy": _accuracies, "$r_v$ and $r_t$": _ratios}
    with house_style():
        figure, axes = _plots(names, row_heights=(2.0, 1.7, 1.7))
        for column, name in zip(axes.T, names, strict=True):
            diagnoses = [(r["step"], r["sources"][name]) for r in history if name in r["sources"]]
            column[0].set_title(name)
            for axis, draw in zip(column, rows.values(), strict=True):
                draw(axis, diagnoses)
            column[-1].set_xlabel("step")
        for axis, label in zip(axes[:, 0], rows, strict=True):
            axis.set_ylabel(label)
        for axis in axes[:, -1]:
            axis.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
        write_png(path, figure)


def draw_histograms(record: Mapping[str, Any], path: Path) -> None:
    """Write a PNG: how the scores of the four sets are spread, one column for each source.

    Raises ValueError where the record holds no source.
    """
    names = list(record["sources"])
    if not names:
        raise ValueError(f"{path}: expected a diagnosis of at least one source to draw, got none")
    with house_style():
        figure, axes = _plots(names, row_heights=(2.6,))
        for axis, name in zip(axes[0], names, strict=True):
            _histograms(axis, record["sources"][name])
            axis.set_title(name, pad=30)
            axis.set_xlabel(f"score at step {record['step']}")
        axes[0, 0].set_ylabel("share of segments")
        axes[0, -1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
        write_png(path, figure)


def _plots(names: Sequence[str], row_heights: Sequence[float]) -> tuple[Figure, np.ndarray]:
    """A figure and its axes (rows, sources); heights in inches, the legends' room at the right."""
    figure = Figure(figsize=(2.3 * len(names) + 2.2, sum(row_heights) + 0.6), layout="constrained")
    axes = figure.subplots(
        len(row_heights),
        len(names),
        sharex=True,
        sharey="row",
        squeeze=False,
        height_ratios=row_heights,
    )
    return figure, axes


def _means(axis: Axes, diagnoses: Diagnoses) -> None:
    for key, style in SET_STYLES.items():
        _line(axis, diagnoses, (key, "mean"), style)
    axis.axhline(0, alpha=0)  # a flat line should look flat: 0 and 1 are always shown
    axis.axhline(1, alpha=0)
    _mark(axis, THRESHOLD)


def _accuracies(axis: Axes, diagnoses: Diagnoses) -> None:
    for key, style in (("train", TRAIN), ("held_out", HELD_OUT)):
        line = _line(axis, diagnoses, ("accuracy", key), style)
        error = _values(diagnoses, ("accuracy", f"{key}_error"))
        steps = [step for step, _ in diagnoses]
        axis.fill_between(
            steps, line - 2 * error, line + 2 * error, color=style["color"], alpha=0.15, linewidth=0
        )
    _mark(axis, MIN_ACCURACY)
    axis.set_ylim(0, 1.05)


def _ratios(axis: Axes, diagnoses: Diagnoses) -> None:
    _line(axis, diagnoses, ("r_v",), R_V)
    _line(axis, diagnoses, ("r_t",), R_T)
    _mark(axis, MAX_R_V)
    axis.set_ylim(-1.1, 1.6)  # r_t never leaves -1 ... 1; an r_v beyond is noise


def _line(axis: Axes, diagnoses: Diagnoses, keys: Sequence[str], style: Style) -> np.ndarray:
    """Draw the number under these keys over steps; its values, NaN where not measurable."""
    values = _values(diagnoses, keys)
    axis.plot([step for step, _ in diagnoses], values, marker="o", markersize=2.5, **style)
    return values


def _values(diagnoses: Diagnoses, keys: Sequence[str]) -> np.ndarray:
    return np.array([reduce(getitem, keys, d) for _, d in diagnoses], dtype=float)


def _mark(axis: Axes, level: float) -> None:
    """A thin line at a level that the verdict's rule or the labels give meaning to."""
    axis.axhline(level, color="#b0b0b0", linewidth=1.0, linestyle=":", zorder=1)


def _histograms(axis: Axes, diagnosis: Mapping[str, Any]) -> None:
    """Training sets as areas, held-out sets as outlines, with the overlaps above."""
    edges = np.linspace(*BIN_RANGE, NUM_BINS + 1)
    for key in SETS:
        counts = np.array(diagnosis[key]["histogram"])
        shares, style = counts / max(counts.sum(), 1), SET_STYLES[key]
        if key.endswith("_train"):
            look: Style = {"fill": True, "alpha": 0.35, "linewidth": 0}
        else:
            look = {"linewidth": 1.8, "zorder": 3}
        axis.stairs(shares, edges, color=style["color"], label=style["label"], **look)
    axis.axvline(THRESHOLD, color="#b0b0b0", linewidth=1.0, linestyle=":")
    overlap = diagnosis["overlap"]
    axis.text(
        0,
        1.02,
        "held-out real overlaps\n"
        f"estimates {_percent(overlap['real_fake_valid'])}, "
        f"training {_percent(overlap['real_train_valid'])}",
        transform=axis.transAxes,
        fontsize=8,
        va="bottom",
    )


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"
