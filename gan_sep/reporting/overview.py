"""The overview of several studies: what each arm's discriminators knew, and what the arm gained.

    README.md      the author's words, the figures, then of each study two tables
    overview.png   accuracies, r_v and differences of all arms of all studies
    paired.png     levels, differences, r_v over the number of paired tracks, where that differs
    words.md       the author's words, the one file people write; README.md quotes it

The same runs give the same bytes.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gan_sep.evaluation.metrics import beyond_sdr
from gan_sep.locks import alone_in
from gan_sep.reporting.effects import by_statistic
from gan_sep.reporting.formats import (
    count,
    enumerated,
    interval,
    level,
    plain_text,
    signed,
    without_tags,
)
from gan_sep.reporting.overview_figure import overview_figure
from gan_sep.reporting.paired_figure import paired_figure
from gan_sep.reporting.part import Part
from gan_sep.reporting.report import authors_words
from gan_sep.reporting.style import arm_name, write_png
from gan_sep.reporting.tables import bullets, decided, emphasised, heading, markdown_grid
from gan_sep.runs import write_text
from gan_sep.statistics.compare import ALL, ONE_SEED
from gan_sep.statistics.pairing import BASELINE

_LEVELS = ("gnsdr", "sdr_mean", "sdr", "usdr")
_WITH_INTERVAL = ("gnsdr", "sdr_mean")  # their differences are given with intervals

_READING = (
    "Accuracy, r_v and overlap are those of the last diagnosis, the mean of sources and seeds: of "
    "training and of held-out material, how many segments are classified correctly; r_v is 0 where "
    "held-out music is scored like the music trained on, and 1 where it is scored like estimates; "
    "overlap is the shared area of the scores of held-out sources and of their estimates, 1 for a "
    "discriminator that cannot tell them apart.",
    "Differences from the plain arm are those of All, the mean of the sources, on the test tracks, "
    "with 95 % intervals; **better**, **worse**: the interval leaves 0; one seed gets no verdict. "
    "Validation: the same on the validation tracks, by which arms are chosen; the test tracks "
    "choose nothing. Statistics are means of tracks where they do not say otherwise.",
)


def write_overview(parts: Sequence[Part], folder: Path) -> None:
    """The overview's files. Raises ValueError where a study was not evaluated with sdr."""
    curve = (
        len({part.paired for part in parts}) > 1 and len({tuple(part.arms) for part in parts}) == 1
    )
    with alone_in(folder):
        write_png(folder / "overview.png", overview_figure(parts))
        if curve:
            write_png(folder / "paired.png", paired_figure(parts))
        write_text(folder / "README.md", _readme(parts, folder, curve))


def _readme(parts: Sequence[Part], folder: Path, curve: bool) -> str:
    words = folder / "words.md"
    sections = [
        f"# {folder.name}",
        authors_words(words).strip(),
        "![What the discriminators of each arm knew, what the arm gained](overview.png)",
        *(["![Levels, differences and r_v over the number of paired tracks](paired.png)"] * curve),
        f"How to read the tables:\n\n{bullets([*_READING, _chance(parts)])}",
        *(_section(part, folder) for part in parts),
    ]
    return "\n\n".join(sections) + "\n"


def _chance(parts: Sequence[Part]) -> str:
    """How many of the verdicts chance alone would make."""
    told = pd.concat([part.of_all((*_WITH_INTERVAL, *beyond_sdr())) for part in parts])
    verdicts = [verdict for verdict in told["verdict"] if verdict != ONE_SEED]
    found = sum(map(decided, verdicts))
    return (
        f"The tables hold {count(len(verdicts), 'verdict')}, {found} of them decided; where "
        f"nothing differs, chance alone decides one in twenty: {len(verdicts) / 20:.1f}."
    )


def _section(part: Part, folder: Path) -> str:
    report = os.path.relpath(part.report, folder)
    seeds, tracks = part.shown.iloc[0][["seeds", "tracks"]]
    basis = (
        f"{count(len(seeds), 'seed')} ({enumerated(seeds)}), {count(len(tracks), 'test track')}, "
        f"{count(part.paired, 'paired track')}; [report]({report}/README.md)"
    )
    return "\n\n".join(
        [
            f"## {without_tags(part.name)}",
            *([plain_text(part.study.question)] if part.study.question else []),
            basis,
            _knowledge_table(part),
            _gains_table(part),
            *([bullets(part.study.unaffected.values())] if part.study.unaffected else []),
        ]
    )


def _knowledge_table(part: Part) -> str:
    head = ["discriminators", "accuracy, training", "held out", "r_v", "overlap", "verdict"]
    lines = [
        [arm_name(arm), *map(level, known), _words(part, arm)]
        for arm, known in zip(part.arms, part.knowledge.to_numpy(), strict=True)
    ]
    return markdown_grid(head, lines)


def _words(part: Part, arm: str) -> str:
    """The verdicts of an arm's seeds, each once."""
    verdicts = part.study.verdicts.items()
    return ", ".join(dict.fromkeys(each.word for (_, name), each in verdicts if name == arm))


def _gains_table(part: Part) -> str:
    """An arm a line: validation, then the differences of every statistic."""
    columns = [("validation: ", of) for of in by_statistic(part.validation)]
    columns += [("", of) for of in by_statistic(part.of_all((*_LEVELS, *beyond_sdr())))]
    cells = {
        f"{before}{heading(of).replace(', mean of tracks', '')}": {
            line["arm"]: _difference(line, not before and line["statistic"] in _WITH_INTERVAL)
            for line in of.to_dict("records")
        }
        for before, of in columns
    }
    lines = [[arm_name(arm), *(by_arm[arm] for by_arm in cells.values())] for arm in part.arms]
    return markdown_grid([f"{ALL}, difference from {arm_name(BASELINE)}", *cells], lines)


def _difference(line: Mapping[Any, Any], with_interval: bool) -> str:
    """The difference of All, its interval where asked for, and the verdict where it is decided."""
    cell = [signed(line["difference"], line["digits"])]
    if with_interval:
        cell.append(interval(line["low"], line["high"], line["digits"]))
    if decided(line["verdict"]):
        cell.append(emphasised(line["verdict"]))
    return " ".join(cell)
