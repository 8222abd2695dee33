"""What a reader of a comparison's numbers must know besides them."""

from collections.abc import Sequence

from gan_sep.evaluation.statistics import ALL, Comparison
from gan_sep.reporting.formats import count, enumerated
from gan_sep.reporting.style import arm_name

_NAMES_SHOWN = 5
_FEW_TRACKS = 10


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


def _said_of_tracks(comparison: Comparison) -> str:
    tracks = len(comparison.tracks)
    few = "; an interval from so few is too narrow" if tracks < _FEW_TRACKS else ""
    return f"{count(tracks, 'track').capitalize()}{few}. {ALL} is the mean of the sources."


def _said_of_seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return (
            f"One seed ({seeds[0]}): the interval speaks of other tracks, not of other seeds, "
            "which may differ by more."
        )
    return (
        f"{count(len(seeds), 'seed')} ({enumerated(seeds)}): each number is the mean over seeds; "
        "tracks are drawn with all their seeds, so the interval speaks of other tracks, not of "
        "other seeds."
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    listed = "; ".join(names[:_NAMES_SHOWN])
    return f"{listed}; and {more} more, named in table.json" if more > 0 else listed
