"""What a reader of a comparison's numbers must know besides them.

`lines` are those of the table in `gan_sep.reporting.effects`.
"""

from collections.abc import Sequence

import pandas as pd

from gan_sep.reporting.effects import compared
from gan_sep.reporting.formats import count, enumerated
from gan_sep.reporting.style import arm_name
from gan_sep.statistics.compare import ALL, ONE_SEED
from gan_sep.statistics.pairing import BASELINE

_NAMES_SHOWN = 5
_FEW_TRACKS = 10
_CHANCE = 1 / 20  # of a 95 % interval to leave 0 where nothing differs


def remarks(lines: pd.DataFrame) -> list[str]:
    """Tracks, seeds and what the interval speaks of, removed frames, tracks left out by name.

    lines: of one statistic.
    """
    first = lines.iloc[0]
    said = [_said_of_tracks(len(first["tracks"])), _said_of_seeds(first["seeds"])]
    if first["average"] == "median":
        said.append("The difference of medians is not the median of the differences.")
    removed = lines.dropna(subset="removed").drop_duplicates("arm")
    if len(removed):
        pairs = zip(removed["arm"], removed["removed"], strict=True)
        shares = ", ".join(f"{arm_name(arm)} {100 * share:.1f} %" for arm, share in pairs)
        said.append(f"Share of one-second frames removed by the silence rule: {shares}.")
    for _, line in lines[lines["arm"] == first["arm"]].iterrows():
        if line["source"] != ALL and line["left_out"]:
            said.append(
                f"Left out of {line['source']}, {count(len(line['left_out']), 'track')} without a "
                f"finite value in every arm: {_listed(line['left_out'])}."
            )
    return said


def reading(lines: pd.DataFrame) -> list[str]:
    """How the rows of effects are to be read, and how many verdicts chance alone would make."""
    return [
        "better, worse: the interval of the difference lies on that side of 0; undecided: 0 lies "
        "in it, which does not show that there is no difference; no interval: too few tracks to "
        "draw from; one seed: no verdict, since other seeds may differ by more than the interval.",
        "p: Wilcoxon's signed-rank test over tracks, each the mean of its seeds; those of the "
        "sources are corrected for their number by Holm. It speaks of other tracks under the same "
        "seeds and weighs all tracks alike, so that it can disagree with the interval.",
        *_reading_of_seeds(lines),
        f"All tables of differences from the {arm_name(BASELINE)} arm together hold "
        f"{said_of_chance(compared(lines)['verdict'])}",
    ]


def reading_of_control(lines: pd.DataFrame) -> str:
    """Whose differences the table of a control tells, and how many verdicts chance would make.

    lines: of one control.
    """
    beside = beside_control(lines)
    return (
        f"Each difference is arm - {arm_name(beside['baseline'].iloc[0])}, with its 95 % interval "
        f"as in the tables of differences from the {arm_name(BASELINE)} arm. They are "
        f"{said_of_chance(beside['verdict'])}"
    )


def beside_control(lines: pd.DataFrame) -> pd.DataFrame:
    """What a control's table tells: All of the arms."""
    return lines[lines["source"] == ALL]


def said_of_chance(verdicts: "pd.Series[str]") -> str:
    """How many verdicts there are, and how many of them chance would make."""
    number = int((~verdicts.isin(["no interval", ONE_SEED])).sum())
    if not number:
        return "no verdict."
    return (
        f"{count(number, 'verdict')}. Where nothing differs, one interval in twenty leaves 0 all "
        f"the same: {_CHANCE * number:.1f} of them are to be expected by chance."
    )


def _reading_of_seeds(lines: pd.DataFrame) -> list[str]:
    if all(len(seeds) == 1 for seeds in lines["seeds"]):
        return []
    return [
        "Seeds to see 0.1 dB: how many seeds an arm would need for the interval to leave 0 in 80 % "
        "of such studies, were that the true difference, the noise what was observed, and the "
        "tracks as many. never: where no number of seeds is enough, for the tracks differ too much."
    ]


def _said_of_tracks(tracks: int) -> str:
    few = ", few for an interval" if tracks < _FEW_TRACKS else ""
    return f"{count(tracks, 'track').capitalize()}{few}. {ALL} is the mean of the sources."


def _said_of_seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return (
            f"One seed ({seeds[0]}), hence no verdict: the interval speaks of other tracks, not of "
            "other seeds, which may differ by more."
        )
    return (
        f"{count(len(seeds), 'seed')} ({enumerated(seeds)}): each number is the mean over seeds; "
        "the interval speaks of other seeds and other tracks."
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    listed = "; ".join(names[:_NAMES_SHOWN])
    return f"{listed}; and {more} more, named in table.json" if more > 0 else listed
