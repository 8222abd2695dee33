"""Comparisons as tables: Markdown for reports, plain text for the console.

The effect of a single arm is told downwards below the levels. Of several arms each quantity has a
table of its own, in which they stand below each other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from gan_sep.reporting.formats import (
    ABSENT,
    decimals,
    interval,
    level,
    number_of_seeds,
    plain_text,
    probability,
    scale,
    signed,
)
from gan_sep.reporting.remarks import arms_beside, reading_of_control, remarks
from gan_sep.reporting.style import arm_name
from gan_sep.statistics.compare import ALL, Array, Comparison
from gan_sep.statistics.pairing import BASELINE, MIXTURE

_CONSOLE_WIDTH = 110
_TAG = re.compile("<(?=[a-zA-Z/!?])")
_P_VALUE = "p (Wilcoxon, Holm)"
_MEAN = ", mean of tracks"
_DEVIATION = "standard deviation of seeds"
_INTERVAL = "95 % interval"
_VERDICT = "verdict"
_IN_WORDS = ("", _INTERVAL, _VERDICT)


def markdown(comparisons: Iterable[Comparison]) -> str:
    """Arms down, sources across, as published tables are laid out; a remark is made once."""
    return "\n".join(
        f"**{comparison.statistic.title}**\n\n{_markdown_tables(comparison)}\n"
        + (f"\n{bullets(map(plain_text, new_remarks))}\n" if new_remarks else "")
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def console(comparisons: Iterable[Comparison]) -> str:
    """Of one arm sources down, of several arms down; a remark is made once."""
    return "\n".join(
        f"{comparison.statistic.title}, {scale(comparison.statistic)}\n"
        + (_console_arms if len(comparison.effects) > 1 else _console_table)(comparison)
        + "\n"
        + "".join(f"{line}\n" for remark in new_remarks for line in wrap(remark, _CONSOLE_WIDTH))
        for comparison, new_remarks in _with_new_remarks(comparisons)
    )


def beyond_sdr(comparisons: Sequence[Comparison]) -> str:
    """Markdown: All of every statistic; of several arms one line each, with what is decided.

    Empty where there is no comparison. The arms are the same in all of them, as `compare` makes
    them from the same rows.
    """
    if not comparisons:
        return ""
    arms = list(comparisons[0].effects)
    return _beyond_table(comparisons, *arms) if len(arms) == 1 else _beyond_arms(comparisons)


def controls_section(against: Iterable[Sequence[Comparison]]) -> str:
    """Markdown: of each control a table of All, a statistic a line and an arm a column.

    against: of each control every statistic, its baseline being the control. Empty without any.
    """
    return "\n\n".join(
        f"{_control_table(comparisons)}\n\n{bullets([reading_of_control(comparisons)])}"
        for comparisons in against
    )


def _control_table(comparisons: Sequence[Comparison]) -> str:
    arms = arms_beside(comparisons[0])
    head = [f"{ALL}, difference from {arm_name(comparisons[0].baseline)}", *map(arm_name, arms)]
    lines = [
        [
            f"{comparison.statistic.title}, {scale(comparison.statistic)}",
            *(in_words(effect_cells(comparison, arm))[-1] for arm in arms),
        ]
        for comparison in comparisons
    ]
    return markdown_grid(head, lines)


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def markdown_grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(_escaped(line))} |" for line in [head, rule, *lines])


def decided(verdict: str) -> bool:
    """Whether a difference has a direction; tables and figures set such differences in bold."""
    return verdict in ("better", "worse")


def emphasised(verdict: str) -> str:
    """Markdown: in bold where it is decided."""
    return f"**{verdict}**" if decided(verdict) else verdict


def _markdown_tables(comparison: Comparison) -> str:
    """Levels and effects; below them the differences of each seed where there are several."""
    digits = decimals(comparison)
    lines = [[arm_name(arm), *_cells(levels, digits)] for arm, levels in comparison.levels.items()]
    told = {arm: effect_cells(comparison, arm) for arm in comparison.effects}
    tables = []
    if len(told) == 1:
        ((arm, cells),) = told.items()
        lines += [[name or _against_baseline(arm), *of_name] for name, of_name in cells.items()]
    else:
        head = f"difference from {arm_name(BASELINE)}, 95 % interval"
        words = {head: {arm: in_words(cells) for arm, cells in told.items()}}
        names = [name for name in next(iter(told.values())) if name not in _IN_WORDS]
        words |= {name: {arm: cells[name] for arm, cells in told.items()} for name in names}
        tables = [
            markdown_grid(
                [title, *comparison.columns],
                [[arm_name(arm), *cells] for arm, cells in by_arm.items()],
            )
            for title, by_arm in words.items()
        ]
    lines.append(["tracks", *map(str, comparison.track_counts)])
    levels_table = markdown_grid([scale(comparison.statistic), *comparison.columns], lines)
    if len(comparison.seeds) > 1:
        tables.append(_seed_table(comparison))
    return "\n\n".join([levels_table, *tables])


def effect_cells(comparison: Comparison, arm: str) -> dict[str, list[str]]:
    """What an arm changes, by quantity, each of the sources and All; the difference is ""."""
    effect, digits = comparison.effects[arm], decimals(comparison)
    ends = zip(effect.low, effect.high, strict=True)
    cells = {
        "": [signed(value, digits) for value in effect.difference],
        _INTERVAL: [interval(*each, digits) for each in ends],
        _VERDICT: list(effect.verdicts),
        _P_VALUE: list(map(probability, effect.p_values)),
    }
    if len(comparison.seeds) > 1:
        cells[_DEVIATION] = _cells(effect.seed_deviation, digits)
        for size, needed in effect.seeds_needed.items():
            cells[f"seeds to see {size:g} dB"] = list(map(number_of_seeds, needed))
    return cells


def in_words(cells: Mapping[str, list[str]]) -> list[str]:
    """ "+0.50 [+0.25, +0.75] **better**" for each source and All, from `effect_cells`."""
    return [
        f"{difference} {ends + ' ' if ends != ABSENT else ''}{emphasised(verdict)}"
        for difference, ends, verdict in zip(*(cells[name] for name in _IN_WORDS), strict=True)
    ]


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
    head = [f"{ALL}{_MEAN}", "scale", *map(arm_name, arms)]
    lines = [
        [
            comparison.statistic.title.removesuffix(_MEAN),
            scale(comparison.statistic),
            *(cells[-1] for cells in _effect_columns(comparison, arm)),
        ]
        for comparison in comparisons
    ]
    return markdown_grid([*head, _against_baseline(arm), "95 % interval", "verdict"], lines)


def _beyond_arms(comparisons: Sequence[Comparison]) -> str:
    """An arm a line; beside its level what is decided of its difference from the baseline."""
    titles = [
        f"{comparison.statistic.title.removesuffix(_MEAN)}, {scale(comparison.statistic)}"
        for comparison in comparisons
    ]
    arms = (MIXTURE, BASELINE, *comparisons[0].effects)
    lines = [
        [arm_name(arm), *(_level_in_words(comparison, arm) for comparison in comparisons)]
        for arm in arms
    ]
    said = "one seed, hence no verdicts"
    if len(comparisons[0].seeds) > 1:
        said = f"better, worse: than {arm_name(BASELINE)}"
    remark = f"{said}; all differences with intervals: table.md."
    return f"{markdown_grid([f'{ALL}{_MEAN}', *titles], lines)}\n\n{bullets([remark])}"


def _level_in_words(comparison: Comparison, arm: str) -> str:
    """An arm's level of All, and better or worse where that is decided."""
    text = level(comparison.levels[arm][-1], decimals(comparison))
    effect = comparison.effects.get(arm)
    word = effect.verdicts[-1] if effect else ""
    return f"{text} {emphasised(word)}" if decided(word) else text


def _console_table(comparison: Comparison) -> str:
    (arm,) = comparison.effects
    names = map(arm_name, (MIXTURE, BASELINE, arm))
    head = ["", *names, "difference", "95 % interval", "verdict", "tracks"]
    tracks = list(map(str, comparison.track_counts))
    columns = [list(comparison.columns), *_effect_columns(comparison, arm), tracks]
    lines = _aligned([head, *zip(*columns, strict=True)])
    lines.insert(-1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _console_arms(comparison: Comparison) -> str:
    """The levels of the mixture and the trained arms, and the differences of All."""
    against = f"{ALL} - {arm_name(BASELINE)}"
    lines = [["", *comparison.columns, against, "95 % interval", "verdict"]]
    for arm in (MIXTURE, BASELINE, *comparison.effects):
        levels = _cells(comparison.levels[arm], decimals(comparison))
        lines.append([arm_name(arm), *levels, *_effect_of_all(comparison, arm)])
    return "\n".join(line.rstrip() for line in _aligned(lines))


def _effect_of_all(comparison: Comparison, arm: str) -> list[str]:
    """Difference, interval and verdict; empty where the arm is held against nothing."""
    if arm not in comparison.effects:
        return [""] * 3
    return [cells[-1] for cells in _effect_columns(comparison, arm)[-3:]]


def _effect_columns(comparison: Comparison, arm: str) -> list[list[str]]:
    """Mixture, baseline, arm, difference, interval and verdict, each (S + 1) cells."""
    digits, cells = decimals(comparison), effect_cells(comparison, arm)
    levels = [_cells(comparison.levels[each], digits) for each in (MIXTURE, BASELINE, arm)]
    return [*levels, *(cells[name] for name in _IN_WORDS)]


def _cells(values: Array, digits: int) -> list[str]:
    return [level(value, digits) for value in values]


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
    """On one line, without a column's end and without an HTML tag."""
    lines = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return [_TAG.sub("&lt;", line) for line in lines]
