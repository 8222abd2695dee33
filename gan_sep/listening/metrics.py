"""Which metrics move together, over tracks and arms, and beside them who follows listeners.

Within each track and source the arms are ranked by each metric, and the ranks correlated over all
of them (Spearman's within tracks); over all, Spearman's of all tracks and arms at once. Metrics are
ordered by average linkage of the distances 1 - the correlation within tracks.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, leaves_list, linkage
from scipy.spatial.distance import squareform

from gan_sep.evaluation.metrics import METRICS
from gan_sep.listening.study import good
from gan_sep.reporting.style import INK, house_style, write_png
from gan_sep.runs import reading_file, write_text
from gan_sep.statistics.averages import Array
from gan_sep.statistics.pairing import REFERENCE_SYSTEMS

_LISTENERS = "listeners: "


def write_correlations(rows: pd.DataFrame, beside: Sequence[Path], out: Path) -> None:
    """metrics.csv, every pair of metrics, and metrics.png, the matrix with columns beside it.

    rows: of a study. beside: tables of a column `metric` and others, each drawn by its name; or
    correlations.csv of experiments/listening.py, of which the separated sounds count.
    Raises ValueError with fewer than three metrics or trained arms, or without a column `metric`.
    """
    values = _values(rows)
    within = values.groupby(["track", "source"]).rank().groupby(["track", "source"])
    correlated = within.transform(lambda ranks: ranks - ranks.mean()).corr(min_periods=3)
    over = values.corr("spearman", min_periods=3)
    tree = linkage(squareform((1 - correlated.fillna(0)).to_numpy(), checks=False), "average")
    order = list(correlated.columns[leaves_list(tree).tolist()])
    columns = pd.concat([_column(path) for path in beside], axis=1) if beside else pd.DataFrame()
    columns = columns.reindex(order)
    pairs = [
        (one, other, correlated.loc[one, other], over.loc[one, other])
        for place, one in enumerate(order)
        for other in order[place + 1 :]
    ]
    table = pd.DataFrame(pairs, columns=["metric", "other", "within_tracks", "over_all"])
    write_text(out / "metrics.csv", table.round(4).to_csv(index=False))
    write_png(out / "metrics.png", _figure(correlated.loc[order, order], columns, tree), 128)


def _values(rows: pd.DataFrame) -> pd.DataFrame:
    """By track, source, arm and seed of trained arms: a column per metric, more is better."""
    rows = rows[~rows["arm"].isin(REFERENCE_SYSTEMS) & rows["metric"].isin(METRICS)]
    index = ["track", "source", "arm", "seed"]
    table = rows.pivot_table(index=index, columns="metric", values="value", dropna=False)
    table = table.dropna(how="all").apply(lambda column: good(column, METRICS[str(column.name)]))
    arms = table.index.get_level_values("arm").nunique()
    if arms < 3 or table.shape[1] < 3:
        raise ValueError(
            "correlations: expected at least 3 metrics of 3 trained arms, got "
            f"{table.shape[1]} and {arms}"
        )
    return table


def _column(path: Path) -> pd.DataFrame:
    with reading_file(path, "a column metric and others of numbers"):
        table = pd.read_csv(path)
        if {"experiment", "sounds"} <= {*table}:
            table = table[table["sounds"] == "separated"].pivot(
                index="metric", columns="experiment", values="within_spearman"
            )
            return table.rename(columns=lambda name: f"{_LISTENERS}{str(name).lower()}")
        return table.set_index("metric").astype(float)


def _figure(matrix: pd.DataFrame, columns: pd.DataFrame, tree: Array) -> Figure:
    """The tree, the matrix in its order, and the columns; blue moves together, red against."""
    count = len(matrix)
    with house_style():
        size = 0.3 * count + 0.5 * columns.shape[1] + 3.4, 0.3 * count + 1.9
        figure = Figure(figsize=size, layout="constrained")
        left, middle, right = figure.subplots(
            1, 3, width_ratios=[0.14 * count, count, max(1, 1.3 * columns.shape[1])]
        )
        dendrogram(tree, ax=left, orientation="left", no_labels=True, color_threshold=0,
                   above_threshold_color=INK)  # fmt: skip
        left.set_ylim(10 * count, 0)
        left.set_axis_off()
        for axes, table in ((middle, matrix), (right, columns)):
            axes.set_axis_off() if table.empty else None
            cells = table.to_numpy(float)
            axes.imshow(cells, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
            axes.grid(visible=False)
            for place, value in np.ndenumerate(cells):
                if np.isfinite(value):
                    axes.text(*place[::-1], f"{100 * value:.0f}", ha="center", va="center",
                              fontsize=6.5, color="white" if abs(value) > 0.6 else INK)  # fmt: skip
            axes.set_xticks(range(table.shape[1]), table.columns, rotation=60, ha="right")
        middle.set_yticks(range(count), matrix.index)
        right.set_yticks([])
        middle.set_title("Rank correlation within tracks, in hundredths")
    return figure
