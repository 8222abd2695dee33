"""What listeners said, as tables: Markdown to read, CSV and JSON to compute with."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gan_sep.listening.analysis import MISSED_SHARE, RECOGNISED, Listening
from gan_sep.reporting.effects import names
from gan_sep.reporting.formats import count, csv_text, interval, level, plain_text, signed
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, markdown_grid
from gan_sep.runs import json_text, write_text
from gan_sep.statistics.compare import ALL

_FEW_LISTENERS = 10


def write_listening(listening: Listening, folder: Path) -> None:
    """listening.md, listening.json, and as CSV the levels and the agreement of metrics."""
    write_text(folder / "listening.md", listening_markdown(listening))
    write_text(folder / "listening.json", listening_json(listening))
    for name, table in (
        ("listening.csv", listening.levels),
        ("listening-metrics.csv", listening.agreement),
    ):
        write_text(folder / name, csv_text(table))


def listening_markdown(listening: Listening) -> str:
    """Ratings and differences, arms down and sources across; then the agreement of metrics."""
    differences = listening.levels.dropna(subset="difference")
    sections = [
        f"# Listening: {plain_text(listening.study)}",
        bullets(map(plain_text, remarks(listening))),
        "**Rating, 0 to 100, mean [95 % interval]**",
        _grid(listening.levels, ["arm"], _rating),
        "**Difference to plain, mean [95 % interval]**",
        _grid(differences, ["arm"], _difference),
        "**Kendall's tau of metrics with ratings**",
        _grid(listening.agreement, ["metric", "arms"], _tau),
        bullets(map(plain_text, _on_metrics(listening))),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def listening_json(listening: Listening) -> str:
    """Everything that `Listening` holds; null where there is no number."""
    tree = {
        "study": listening.study,
        "listeners": list(listening.listeners),
        "unreliable": dict(listening.unreliable),
        "keep_all": listening.keep_all,
        "trials": listening.trials,
        "levels": _lines(listening.levels),
        "agreement": _lines(listening.agreement),
        "undirected": list(listening.undirected),
    }
    return json_text(tree)


def correlations_markdown(table: pd.DataFrame) -> str:
    """The lines of `listening.correlation.correlations`, the best metric of each group first."""
    columns = {
        "within_spearman": "within songs, Spearman",
        "within_median": "median of songs",
        "within_kendall": "Kendall",
        "pearson": "over sounds, Pearson",
        "spearman": "Spearman",
        "kendall": "Kendall",
    }
    sections = []
    for (experiment, group), lines in table.groupby(["experiment", "sounds"], sort=False):
        ordered = _lines(lines.sort_values("within_spearman", ascending=False))
        cells = [
            [line["metric"], *(_correlation(line, name) for name in columns), str(line["points"])]
            for line in ordered
        ]
        grid = markdown_grid(["metric", *columns.values(), "sounds"], cells)
        sections.append(f"**{plain_text(str(experiment))}, {group} sounds**\n\n{grid}\n")
    return "\n".join(sections)


def _correlation(line: Mapping[str, Any], column: str) -> str:
    ends = [line.get(f"{column}_{end}", math.nan) for end in ("low", "high")]
    brackets = "" if math.isnan(ends[0]) else f" {interval(*ends)}"
    return f"{signed(line[column])}{brackets}"


def remarks(listening: Listening) -> list[str]:
    """Who listened to how much, who was left out, and what the intervals speak of."""
    listeners = len(listening.listeners)
    said = [f"{count(listeners, 'listener').capitalize()}, {count(listening.trials, 'trial')} each"]
    if listeners == 1:
        said.append("The intervals speak of one pair of ears and say nothing about other listeners")
    else:
        few = ", and are too narrow with so few of them" if listeners < _FEW_LISTENERS else ""
        said.append(f"The intervals speak of other listeners to these excerpts{few}")
    said.append(f"{ALL} is the mean of the sources")
    for name, share in listening.unreliable.items():
        said.append(
            f"{'Kept all the same' if listening.keep_all else 'Left out'}: {name}, who rates the "
            f"hidden reference below {RECOGNISED:.0f} in {100 * share:.0f} % of the trials; "
            f"ITU-R BS.1534-3 allows {100 * MISSED_SHARE:.0f} %"
        )
    return [f"{sentence}." for sentence in said]


def _on_metrics(listening: Listening) -> list[str]:
    said = [
        "A point is one track, source, arm and seed, with its mean rating; in brackets the number "
        "of points. A good metric has a tau near 1, whichever its direction.",
        'The mixture counts among "all", not among "separated".',
    ]
    table = listening.agreement
    overall = table[(table["arms"] == "all") & (table["source"] == ALL)].set_index("metric")
    for metric, absent in overall["without_value"].to_dict().items():
        if absent:
            said.append(f"{metric}: {count(absent, 'point')} without a value left out.")
    if listening.undirected:
        said.append(f"Without better and worse: {', '.join(listening.undirected)}.")
    return said


def _grid(table: pd.DataFrame, keys: list[str], cell: Callable[[Any], str]) -> str:
    """Keys down, sources across, in the order of the table."""
    sources = names(table["source"])
    cells = {(*(line[key] for key in keys), line["source"]): cell(line) for line in _lines(table)}
    rows = dict.fromkeys(key[:-1] for key in cells)
    lines = [[arm_name(row[0]), *row[1:], *(cells[*row, s] for s in sources)] for row in rows]
    return markdown_grid([*keys, *sources], lines)


def _rating(line: Mapping[str, Any]) -> str:
    if math.isnan(line["low"]):
        return level(line["mean"], 1)
    return f"{level(line['mean'], 1)} [{level(line['low'], 1)}, {level(line['high'], 1)}]"


def _difference(line: Mapping[str, Any]) -> str:
    ends = interval(line["difference_low"], line["difference_high"], 1)
    return f"{signed(line['difference'], 1)} {ends}"


def _tau(line: Mapping[str, Any]) -> str:
    return f"{signed(line['tau'])} ({line['points']})"


def _lines(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")
