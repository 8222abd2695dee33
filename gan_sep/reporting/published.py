"""Published results next to the arms' own, where the data set and the statistics are the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from gan_sep.evaluation.references import ORACLES
from gan_sep.reporting.effects import names
from gan_sep.reporting.formats import level
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, markdown_grid

PUBLISHED = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True)
class Published:
    """Results of one paper on one source of one data set.

    data: what a configuration's data section must say for its results to be comparable.
    clips: how many the paper tested on. systems: label -> one value per statistic, in dB. caveat:
    what is not known of how they were tested.
    """

    data: Mapping[str, Any]
    source: str
    clips: int
    statistics: tuple[str, ...]
    citation: str
    systems: Mapping[str, tuple[float, ...]]
    caveat: str = ""


def read_published(path: Path = PUBLISHED) -> list[Published]:
    """All published results. Raises ValueError where a system lacks a value of a statistic."""
    return [_published(path, entry) for entry in yaml.safe_load(path.read_text("utf-8"))]


def comparable(published: Published, data: Mapping[str, Any]) -> bool:
    """Whether a configuration's data section describes the paper's material."""
    return all(data.get(key) == value for key, value in published.data.items())


def published_table(published: Published, effects: pd.DataFrame) -> str | None:
    """Markdown: the paper's systems, then the arms of this run; None where a statistic is missing.

    effects: against the plain arm, see `gan_sep.reporting.effects`.
    """
    wanted = effects[effects["source"] == published.source]
    levels = wanted.pivot(index="arm", columns="statistic", values="level")
    if not set(published.statistics) <= set(levels):
        return None
    lines = [[label, *map(level, values)] for label, values in published.systems.items()]
    for arm in (arm for arm in names(wanted["arm"]) if arm not in ORACLES):
        values = levels.loc[arm, list(published.statistics)]
        lines.append([f"**{arm_name(arm)}, this run**", *map(level, values)])
    head = [f"{published.source}, dB", *(name.upper() for name in published.statistics)]
    first = wanted[wanted["statistic"] == published.statistics[0]].iloc[0]
    return f"{markdown_grid(head, lines)}\n\n{_remark(published, first['counted'])}\n"


def _remark(published: Published, used: int) -> str:
    of_this_run = (
        "This run used the same number of clips."
        if used == published.clips
        else f"This run used {used} of the {published.clips} clips: its "
        "numbers are not those of the full test set, and a small difference from a published row "
        "means nothing."
    )
    of_theirs = f"Published rows: {published.citation}; {published.clips} test clips."
    return bullets([" ".join(filter(None, [of_theirs, published.caveat])), of_this_run])


def _published(path: Path, entry: dict[str, Any]) -> Published:
    statistics = tuple(entry["statistics"])
    systems = {system["label"]: tuple(system["values"]) for system in entry["systems"]}
    for label, values in systems.items():
        if len(values) != len(statistics):
            raise ValueError(
                f"{path}: {label}: expected {len(statistics)} values ({', '.join(statistics)}), "
                f"got {len(values)}"
            )
    return Published(**{**entry, "statistics": statistics, "systems": systems})
