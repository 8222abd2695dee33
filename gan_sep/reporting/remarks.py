"""What a reader of a comparison's numbers must know besides them."""

from collections.abc import Sequence

from gan_sep.reporting.formats import count, enumerated
from gan_sep.reporting.style import arm_name
from gan_sep.statistics.compare import ALL, ONE_SEED, Comparison
from gan_sep.statistics.pairing import BASELINE

_NAMES_SHOWN = 5
_FEW_TRACKS = 10
_CHANCE = 1 / 20  # of a 95 % interval to leave 0 where nothing differs


def remarks(comparison: Comparison) -> list[str]:
    """Tracks, seeds and what the interval speaks of, removed frames, tracks left out by name."""
    said = [_said_of_tracks(comparison), _said_of_seeds(comparison.seeds)]
    if comparison.statistic.average == "median":
        said.append("The difference of medians is not the median of the differences.")
    if comparison.removed:
        shares = (f"{arm_name(arm)} {100 * s:.1f} %" for arm, s in comparison.removed.items())
        said.append(f"Share of one-second frames removed by the silence rule: {', '.join(shares)}.")
    for source in comparison.sources:
        names = comparison.left_out[source]
        if names:
            said.append(
                f"Left out of {source}, {count(len(names), 'track')} without a finite value in "
                f"every arm: {_listed(names)}."
            )
    return said


def reading(comparisons: Sequence[Comparison]) -> list[str]:
    """How the rows of effects are to be read, and how many verdicts chance alone would make."""
    verdicts = [
        verdict
        for comparison in comparisons
        for effect in comparison.effects.values()
        for verdict in effect.verdicts
    ]
    return [
        "better, worse: the interval of the difference lies on that side of 0; undecided: 0 lies "
        "in it, which does not show that there is no difference; no interval: too few tracks to "
        "draw from; one seed: no verdict, since other seeds may differ by more than the interval.",
        "p: Wilcoxon's signed-rank test over tracks, each the mean of its seeds; those of the "
        "sources are corrected for their number by Holm. It speaks of other tracks under the same "
        "seeds and weighs all tracks alike, so that it can disagree with the interval.",
        *_reading_of_seeds(comparisons),
        f"All tables of differences from the {arm_name(BASELINE)} arm together hold "
        f"{said_of_chance(verdicts)}",
    ]


def reading_of_control(comparisons: Sequence[Comparison]) -> str:
    """Whose differences the table of a control tells, and how many verdicts chance would make."""
    verdicts = [
        comparison.effects[arm].verdicts[-1]
        for comparison in comparisons
        for arm in arms_beside(comparison)
    ]
    return (
        f"Each difference is arm - {arm_name(comparisons[0].baseline)}, with its 95 % interval as "
        f"in the tables of differences from the {arm_name(BASELINE)} arm. They are "
        f"{said_of_chance(verdicts)}"
    )


def arms_beside(comparison: Comparison) -> list[str]:
    """The arms that a control's table tells of: others tell how it differs from the plain one."""
    return [arm for arm in comparison.effects if arm != BASELINE]


def said_of_chance(verdicts: Sequence[str]) -> str:
    number = sum(verdict not in ("no interval", ONE_SEED) for verdict in verdicts)
    if not number:
        return "no verdict."
    return (
        f"{count(number, 'verdict')}. Where nothing differs, one interval in twenty leaves 0 all "
        f"the same: {_CHANCE * number:.1f} of them are to be expected by chance."
    )


def _reading_of_seeds(comparisons: Sequence[Comparison]) -> list[str]:
    if all(len(comparison.seeds) == 1 for comparison in comparisons):
        return []
    return [
        "Seeds to see 0.1 dB: how many seeds an arm would need for the interval to leave 0 in 80 % "
        "of such studies, were that the true difference, the noise what was observed, and the "
        "tracks as many. never: where no number of seeds is enough, for the tracks differ too much."
    ]


def _said_of_tracks(comparison: Comparison) -> str:
    tracks = len(comparison.tracks)
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
