"""The table of effects as tables: Markdown for reports, plain text for the console.

The effect of a single arm is told downwards below the levels. Of several arms each quantity has a
table of its own, in which they stand below each other. `lines` are those of the table in
`gan_sep.reporting.effects`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

import pandas as pd

from gan_sep.reporting.effects import by_arm, by_statistic, compared, names
from gan_sep.reporting.formats import (
    ABSENT,
    interval,
    level,
    number_of_seeds,
    plain_text,
    probability,
    signed,
)
from gan_sep.reporting.remarks import beside_control, reading_of_control, remarks
from gan_sep.reporting.style import arm_name
from gan_sep.statistics.compare import ALL, EFFECTS_TO_SEE
from gan_sep.statistics.pairing import BASELINE, MIXTURE

_CONSOLE_WIDTH = 110
_TAG = re.compile("<(?=[a-zA-Z/!?])")
_MEAN = ", mean of tracks"
INTERVAL = "95 % interval"
VERDICT = "verdict"


def markdown(lines: pd.DataFrame) -> str:
    """Arms down, sources across, as published tables are laid out; a remark is made once."""
    return "\n".join(
        f"**{of['title'].iloc[0]}**\n\n{_markdown_tables(of)}\n"
        + (f"\n{bullets(map(plain_text, new_remarks))}\n" if new_remarks else "")
        for of, new_remarks in _with_new_remarks(lines)
    )


def console(lines: pd.DataFrame) -> str:
    """Of one arm sources down, of several arms down; a remark is made once."""
    return "\n".join(
        f"{heading(of)}\n{_console_table(of)}\n"
        + "".join(f"{line}\n" for remark in new_remarks for line in wrap(remark, _CONSOLE_WIDTH))
        for of, new_remarks in _with_new_remarks(lines)
    )


def beyond_sdr(lines: pd.DataFrame) -> str:
    """Markdown: All of every statistic; of several arms one line each, with what is decided.

    Empty where there is no line.
    """
    if lines.empty:
        return ""
    text = in_text(lines[lines["source"] == ALL])
    arms = names(compared(lines)["arm"])
    return _beyond_table(text, *arms) if len(arms) == 1 else _beyond_arms(text, arms)


def controls_section(lines: pd.DataFrame) -> str:
    """Markdown: of each control a table of All, a statistic a line and an arm a column.

    lines: those whose baseline is a control. Empty without any.
    """
    return "\n\n".join(
        f"{_control_table(own)}\n\n{bullets([reading_of_control(own)])}"
        for _, own in lines.groupby("baseline", sort=False)
    )


def _control_table(lines: pd.DataFrame) -> str:
    text = in_text(beside_control(lines))
    arms = map(arm_name, names(text["arm"]))
    head = [f"{ALL}, difference from {arm_name(text['baseline'].iloc[0])}", *arms]
    return markdown_grid(head, [[heading(of), *of["words"]] for of in by_statistic(text)])


def heading(of: pd.DataFrame) -> str:
    """The title of a statistic's lines, with its unit and direction."""
    return f"{of['title'].iloc[0]}, {of['scale'].iloc[0]}"


def bullets(lines: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def markdown_grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column to the left, numbers to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(_escaped(line))} |" for line in [head, rule, *lines])


def decided(verdict: str) -> bool:
    """Whether a difference has a direction; tables and figures set such differences in bold."""
    return verdict in ("better", "worse")


def emphasised(verdict: str) -> str:
    """Markdown: in bold where it is decided."""
    return f"**{verdict}**" if decided(verdict) else verdict


def in_text(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with their numbers as text: level, the quantities of an effect, and `words`.

    The difference is the column "", and the quantities come last, as a table tells them; words are
    "+0.50 [+0.25, +0.75] **better**".
    """
    text = pd.DataFrame(list(map(_in_text, lines.to_dict("records"))), index=lines.index)
    return lines[["statistic", "title", "scale", "baseline", "arm", "source", "seeds"]].join(text)


def quantities(text: pd.DataFrame) -> list[str]:
    """The columns of `in_text` that tell of an effect."""
    columns = list(map(str, text))
    return columns[columns.index("") :]


def _in_text(line: dict[Any, Any]) -> dict[str, str]:
    digits = line["digits"]
    difference, ends = (
        signed(line["difference"], digits),
        interval(line["low"], line["high"], digits),
    )
    said = [difference, *([ends] if ends != ABSENT else []), emphasised(line["verdict"])]
    text = {
        "level": level(line["level"], digits),
        "words": " ".join(said),
        "": difference,
        INTERVAL: ends,
        VERDICT: line["verdict"],
        "p (Wilcoxon, Holm)": probability(line["p_value"]),
    }
    if len(line["seeds"]) > 1:
        text["standard deviation of seeds"] = level(line["seed_deviation"], digits)
        for size in EFFECTS_TO_SEE if line["unit"].startswith("dB") else ():
            text[f"seeds to see {size:g} dB"] = number_of_seeds(line[f"seeds_for_{size:g}_dB"])
    return text


def _markdown_tables(of: pd.DataFrame) -> str:
    """Levels and effects; below them the differences of each seed where there are several."""
    text, columns, first = in_text(of), names(of["source"]), of.iloc[0]
    told = compared(text)
    lines = [[arm_name(arm), *own["level"]] for arm, own in by_arm(text).items()]
    tables = []
    if told["arm"].nunique() == 1:
        lines += [[name or _against_baseline(told["arm"].iloc[0]), *told[name]]
                  for name in quantities(told)]  # fmt: skip
    else:
        shown = {f"difference from {arm_name(BASELINE)}, 95 % interval": "words"}
        shown |= {name: name for name in quantities(told) if name not in ("", INTERVAL, VERDICT)}
        tables = [
            markdown_grid(
                [title, *columns],
                [[arm_name(arm), *own[name]] for arm, own in by_arm(told).items()],
            )
            for title, name in shown.items()
        ]
    lines.append(["tracks", *map(str, of[of["arm"] == first["arm"]]["counted"])])
    levels_table = markdown_grid([first["scale"], *columns], lines)
    if len(first["seeds"]) > 1:
        tables.append(_seed_table(of))
    return "\n\n".join([levels_table, *tables])


def _seed_table(of: pd.DataFrame) -> str:
    """The differences of each seed alone, in which the run of one seed can be found again."""
    digits = of["digits"].iloc[0]
    lines = [
        [
            f"{_against_baseline(arm)}, seed {seed}",
            *(signed(by_seed[place], digits) for by_seed in own["seed_differences"]),
        ]
        for arm, own in by_arm(compared(of)).items()
        for place, seed in enumerate(of["seeds"].iloc[0])
    ]
    return markdown_grid(["by seed", *names(of["source"])], lines)


def _beyond_table(text: pd.DataFrame, arm: str) -> str:
    arms = (MIXTURE, BASELINE, arm)
    head = [f"{ALL}{_MEAN}", "scale", *map(arm_name, arms)]
    lines = []
    for of in by_statistic(text):
        by_arm = of.set_index("arm")
        title = by_arm["title"].iloc[0].removesuffix(_MEAN)
        told = by_arm.loc[arm, ["", INTERVAL, VERDICT]]
        lines.append([title, by_arm["scale"].iloc[0], *by_arm.loc[list(arms), "level"], *told])
    return markdown_grid([*head, _against_baseline(arm), INTERVAL, VERDICT], lines)


def _beyond_arms(text: pd.DataFrame, compared_arms: Sequence[str]) -> str:
    """An arm a line; beside its level what is decided of its difference from the baseline."""
    statistics = list(by_statistic(text))
    lines = [
        [arm_name(arm), *(_level_in_words(of[of["arm"] == arm].iloc[0]) for of in statistics)]
        for arm in (MIXTURE, BASELINE, *compared_arms)
    ]
    titles = [heading(of).replace(f"{_MEAN}, ", ", ") for of in statistics]
    said = "one seed, hence no verdicts"
    if len(text["seeds"].iloc[0]) > 1:
        said = f"better, worse: than {arm_name(BASELINE)}"
    remark = f"{said}; all differences with intervals: table.md."
    return f"{markdown_grid([f'{ALL}{_MEAN}', *titles], lines)}\n\n{bullets([remark])}"


def _level_in_words(text: "pd.Series[str]") -> str:
    """An arm's level, and better or worse where that is decided."""
    verdict = text[VERDICT]
    return f"{text['level']} {emphasised(verdict)}" if decided(verdict) else text["level"]


def _console_table(of: pd.DataFrame) -> str:
    """Of one arm the sources down; of several the levels, and the differences of All."""
    text, columns, told = by_arm(in_text(of)), names(of["source"]), names(compared(of)["arm"])
    arms = [MIXTURE, BASELINE, *told]
    levels = [text[arm]["level"] for arm in arms]
    if len(told) == 1:
        head = ["", *map(arm_name, arms), "difference", INTERVAL, VERDICT, "tracks"]
        effect = [text[told[0]][name] for name in ("", INTERVAL, VERDICT)]
        counts = map(str, of[of["arm"] == MIXTURE]["counted"])
        lines = _aligned([head, *zip(columns, *levels, *effect, counts, strict=True)])
        lines.insert(-1, "-" * max(map(len, lines)))
        return "\n".join(lines)
    grid = [["", *columns, f"{ALL} - {arm_name(BASELINE)}", INTERVAL, VERDICT]]
    for arm, of_arm in zip(arms, levels, strict=True):
        of_all = text[arm][["", INTERVAL, VERDICT]].iloc[-1] if arm in told else [""] * 3
        grid.append([arm_name(arm), *of_arm, *of_all])
    return "\n".join(line.rstrip() for line in _aligned(grid))


def _against_baseline(arm: str) -> str:
    return f"{arm_name(arm)} - {arm_name(BASELINE)}"


def _with_new_remarks(lines: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, list[str]]]:
    """The lines of each statistic with those of its remarks that none before it had."""
    made: set[str] = set()
    for of in by_statistic(lines):
        new = [remark for remark in remarks(of) if remark not in made]
        made.update(new)
        yield of, new


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
