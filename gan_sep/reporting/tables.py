"""Comparisons as tables: Markdown for reports, plain text for the console."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

import numpy as np

from gan_sep.evaluation.pairing import BASELINE, MIXTURE
from gan_sep.evaluation.statistics import ALL, Array, Comparison, Effect
from gan_sep.reporting.formats import (
    decimals,
    interval,
    level,
    number_of_seeds,
    probability,
    scale,
    signed,
)
from gan_sep.reporting.remarks import remarks
from gan_sep.reporting.style import arm_name

_CONSOLE_WIDTH = 110


def markdown(comparisons: Iterable[Comparison]) -> str:
    """Arms down, sources across, as published tables are laid out; a remark is made once."""
    return "\n".join(
        f"**{comparison.statistic.title}**\n\n{_markdown_tables(comparison)}\n"
        + (f"\n{bullets(new_remarks)}\n" if new_remarks else "")
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def console(comparisons: Iterable[Comparison]) -> str:
    """Sources down, a table for each arm against the baseline; a remark is made once."""
    return "\n".join(
        f"{comparison.statistic.title}, {scale(comparison.statistic)}\n"
        + "\n\n".join(_console_table(comparison, arm) for arm in comparison.effects)
        + "\n"
        + "".join(f"{line}\n" for remark in new_remarks for line in wrap(remark, _CONSOLE_WIDTH))
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def beyond_sdr(comparisons: Sequence[Comparison]) -> str:
    """Markdown: one line per statistic, All of it, a table for each arm against the baseline.

    Empty where there is no comparison. The arms are the same in all of them, as `compare` makes
    them from the same rows.
    """
    arms = comparisons[0].effects if comparisons else ()
    return "\n\n".join(_beyond_table(comparisons, arm) for arm in arms)


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def markdown_grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(_escaped(line))} |" for line in [head, rule, *lines])


def _markdown_tables(comparison: Comparison) -> str:
    """Levels and effects; below them the differences of each seed where there are several."""
    digits = decimals(comparison)
    lines = [[arm_name(arm), *_cells(levels, digits)] for arm, levels in comparison.levels.items()]
    for arm, effect in comparison.effects.items():
        lines += _effect_lines(arm, effect, digits)
    lines.append(["tracks", *map(str, comparison.track_counts)])
    table = markdown_grid([scale(comparison.statistic), *comparison.columns], lines)
    return f"{table}\n\n{_seed_table(comparison)}" if len(comparison.seeds) > 1 else table


def _effect_lines(arm: str, effect: Effect, digits: int) -> list[list[str]]:
    """The effect downwards; lines of what needs several seeds are there where a number is."""
    lines = [
        [_against_baseline(arm), *(signed(value, digits) for value in effect.difference)],
        ["95 % interval", *_intervals(effect, digits)],
        ["verdict", *effect.verdicts],
        ["p (Wilcoxon, Holm)", *map(probability, effect.p_values)],
    ]
    if not np.isnan(effect.seed_deviation).all():
        lines.append(["standard deviation of seeds", *_cells(effect.seed_deviation, digits)])
        lines += [
            [f"seeds to see {size:g} dB", *map(number_of_seeds, needed)]
            for size, needed in effect.seeds_needed.items()
        ]
    return lines


def _seed_table(comparison: Comparison) -> str:
    """The differences of each seed alone, in which the run of one seed can be found again."""
    digits = decimals(comparison)
    lines = [
        [f"{_against_baseline(arm)}, seed {seed}", *(signed(value, digits) for value in values)]
        for arm, effect in comparison.effects.items()
        for seed, values in zip(comparison.seeds, effect.seed_differences, strict=True)
    ]
    return markdown_grid(["by seed", *comparison.columns], lines)


def _beyond_table(comparisons: Sequence[Comparison], arm: str) -> str:
    arms = (MIXTURE, BASELINE, arm)
    head = [f"{ALL}, mean of tracks", "scale", *map(arm_name, arms)]
    lines = [
        [
            comparison.statistic.title.removesuffix(", mean of tracks"),
            scale(comparison.statistic),
            *(cells[-1] for cells in _effect_columns(comparison, arm)),
        ]
        for comparison in comparisons
    ]
    return markdown_grid([*head, _against_baseline(arm), "95 % interval", "verdict"], lines)


def _console_table(comparison: Comparison, arm: str) -> str:
    names = map(arm_name, (MIXTURE, BASELINE, arm))
    head = ["", *names, "difference", "95 % interval", "verdict", "tracks"]
    tracks = list(map(str, comparison.track_counts))
    columns = [list(comparison.columns), *_effect_columns(comparison, arm), tracks]
    lines = _aligned([head, *zip(*columns, strict=True)])
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _effect_columns(comparison: Comparison, arm: str) -> list[list[str]]:
    """Mixture, baseline, arm, difference, interval and verdict, each (S + 1) cells."""
    digits, effect = decimals(comparison), comparison.effects[arm]
    return [
        *(_cells(comparison.levels[each], digits) for each in (MIXTURE, BASELINE, arm)),
        [signed(value, digits) for value in effect.difference],
        _intervals(effect, digits),
        list(effect.verdicts),
    ]


def _cells(values: Array, digits: int) -> list[str]:
    return [level(value, digits) for value in values]


def _intervals(effect: Effect, digits: int) -> list[str]:
    return [interval(*ends, digits) for ends in zip(effect.low, effect.high, strict=True)]


def _against_baseline(arm: str) -> str:
    return f"{arm_name(arm)} - {arm_name(BASELINE)}"


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


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
