"""Comparisons as tables: Markdown for reports, plain text for the console, CSV and JSON."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

import pandas as pd

from gan_sep.evaluation.pairing import ARMS
from gan_sep.evaluation.statistics import ALL, Comparison
from gan_sep.reporting.style import ARM_NAMES

_ABSENT = "-"
_CONSOLE_WIDTH = 110
_NAMES_SHOWN = 5
_FEW_TRACKS = 10


def markdown(comparisons: Iterable[Comparison]) -> str:
    """Arms down, sources across, as published tables are laid out; a remark is made once."""
    return "\n".join(
        f"**{comparison.statistic.title}**\n\n{_markdown_table(comparison)}\n"
        + "".join(f"\n- {remark}" for remark in new_remarks)
        + ("\n" if new_remarks else "")
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def console(comparisons: Iterable[Comparison]) -> str:
    """Sources down, arms across, within 110 columns; a remark is made once."""
    return "\n".join(
        f"{comparison.statistic.title}, dB\n{_console_table(comparison)}\n"
        + "".join(f"{line}\n" for remark in new_remarks for line in wrap(remark, _CONSOLE_WIDTH))
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def flat(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """One flat record per statistic and source; None where there is no number."""
    return [
        {
            "statistic": comparison.statistic.name,
            "source": name,
            **{arm: _number(comparison.levels[arm][place]) for arm in ARMS},
            "difference": _number(comparison.difference[place]),
            "low": _number(comparison.low[place]),
            "high": _number(comparison.high[place]),
            "verdict": comparison.verdicts[place],
            "tracks": comparison.track_counts[place],
            "left_out": len(_left_out(comparison, name)),
            "seeds": len(comparison.seeds),
        }
        for comparison in comparisons
        for place, name in enumerate(comparison.columns)
    ]


def as_csv(comparisons: Sequence[Comparison]) -> str:
    """The flat records as CSV, empty where there is no number."""
    return pd.DataFrame(flat(comparisons)).to_csv(index=False, lineterminator="\n")


def as_json(comparisons: Sequence[Comparison]) -> str:
    """The flat records with what does not fit them: seeds, names left out, frames removed."""
    records = flat(comparisons)
    tree = [
        {
            "statistic": comparison.statistic.name,
            "title": comparison.statistic.title,
            "seeds": list(comparison.seeds),
            "tracks": list(comparison.tracks),
            "left_out": {source: list(names) for source, names in comparison.left_out.items()},
            "removed_frames": dict(comparison.removed),
            "difference_by_seed": {
                str(seed): dict(zip(comparison.columns, map(_number, values), strict=True))
                for seed, values in zip(comparison.seeds, comparison.seed_differences, strict=True)
            },
            "sources": [r for r in records if r["statistic"] == comparison.statistic.name],
        }
        for comparison in comparisons
    ]
    return json.dumps(tree, indent=2, allow_nan=False) + "\n"


def remarks(comparison: Comparison) -> list[str]:
    """What a reader of the numbers must know: tracks, seeds, removed frames, tracks left out."""
    said = [_said_of_tracks(comparison), _said_of_seeds(comparison)]
    if comparison.statistic.average == "median":
        said.append("The difference of medians is not the median of the differences.")
    if comparison.removed:
        shares = ", ".join(f"{ARM_NAMES[a]} {100 * comparison.removed[a]:.1f} %" for a in ARMS)
        said.append(f"Share of one-second frames removed by the silence rule: {shares}.")
    for source in comparison.sources:
        names = _left_out(comparison, source)
        if names:
            said.append(
                f"Left out of {source}, {count(len(names), 'track')} without a finite value in "
                f"every arm: {_listed(names)}."
            )
    return said


def markdown_grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(_escaped(line))} |" for line in [head, rule, *lines])


def level(value: float, digits: int = 2) -> str:
    """The number with so many decimals, or a dash where there is none."""
    return _ABSENT if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """Two decimals with the sign, or a dash where there is no number."""
    return _ABSENT if math.isnan(value) else f"{value:+.2f}"


def interval(low: float, high: float) -> str:
    """[low, high], or a dash where there is none."""
    return _ABSENT if math.isnan(low) or math.isnan(high) else f"[{low:+.2f}, {high:+.2f}]"


def count(number: int, noun: str) -> str:
    """one seed, 3 seeds."""
    return f"one {noun}" if number == 1 else f"{number} {noun}s"


def _markdown_table(comparison: Comparison) -> str:
    lines = [
        *([ARM_NAMES[arm], *map(level, comparison.levels[arm])] for arm in ARMS),
        ["GAN - plain", *map(signed, comparison.difference)],
        ["95 % interval", *map(interval, comparison.low, comparison.high)],
        ["verdict", *comparison.verdicts],
        ["tracks", *map(str, comparison.track_counts)],
    ]
    return markdown_grid(["dB", *comparison.columns], lines)


def _console_table(comparison: Comparison) -> str:
    arms = [ARM_NAMES[arm] for arm in ARMS]
    lines = _aligned(
        [
            ["", *arms, "GAN - plain", "95 % interval", "verdict", "tracks"],
            *zip(
                comparison.columns,
                *(map(level, comparison.levels[arm]) for arm in ARMS),
                map(signed, comparison.difference),
                map(interval, comparison.low, comparison.high),
                comparison.verdicts,
                map(str, comparison.track_counts),
                strict=True,
            ),
        ]
    )
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _with_new_remarks(
    comparisons: Iterable[Comparison],
) -> Iterator[tuple[Comparison, list[str]]]:
    """Each comparison with those of its remarks that none before it had."""
    made: set[str] = set()
    for comparison in comparisons:
        new = [remark for remark in remarks(comparison) if remark not in made]
        made.update(new)
        yield comparison, new


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells as lines of text; the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])],
        )
        for line in lines
    ]


def _said_of_tracks(comparison: Comparison) -> str:
    tracks = len(comparison.tracks)
    narrow = ", too narrow with so few of them" if tracks < _FEW_TRACKS else ""
    return (
        f"{count(tracks, 'track').capitalize()}; the interval is a bootstrap over tracks{narrow}. "
        f"{ALL} is the mean of the sources."
    )


def _said_of_seeds(comparison: Comparison) -> str:
    seeds = comparison.seeds
    if len(seeds) == 1:
        return f"One seed ({seeds[0]}): a difference of one seed says nothing about other seeds."
    differences = ", ".join(signed(value) for value in comparison.seed_differences[:, -1])
    return (
        f"{len(seeds)} seeds ({', '.join(map(str, seeds))}): each number is the mean over seeds; "
        "tracks are drawn with all their seeds, so the interval speaks of other tracks, not of "
        f"other seeds. Difference of {ALL} by seed: {differences}."
    )


def _left_out(comparison: Comparison, name: str) -> tuple[str, ...]:
    """The tracks left out of a source; of All, those left out of any."""
    if name != ALL:
        return comparison.left_out[name]
    return tuple(sorted(set().union(*comparison.left_out.values())))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    listed = "; ".join(names[:_NAMES_SHOWN])
    return f"{listed}; and {more} more, named in table.json" if more > 0 else listed


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
