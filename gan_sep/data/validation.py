"""Which training songs are held out for validation where a data set has no folder for them."""

from collections.abc import Sequence
from pathlib import Path

from gan_sep.data.files import listed
from gan_sep.random import draw

# The official validation songs of MUSDB18 (Rafii, Liutkus, Stöter, Mimilakis and Bittner, 2017), as
# the musdb package lists them: 14 titles out of the training split.
MUSDB18_VALIDATION = (
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
)


def held_out(names: Sequence[str], titles: Sequence[str], folder: Path) -> set[str]:
    """The titles, which must be among the names of the tracks in `folder` and leave some to train
    on.

    Raises ValueError naming the missing titles.
    """
    missing = [title for title in titles if title not in names]
    if missing:
        raise ValueError(
            f"{folder}: the validation track {listed(missing)} is not among its {len(names)} tracks"
        )
    if len(set(titles)) == len(names):
        raise ValueError(
            f"{folder}: all {len(names)} tracks are held out, none is left to train on"
        )
    return set(titles)


def held_out_share(names: Sequence[str], share: float, seed: int, folder: Path) -> set[str]:
    """A seeded share of the names, at least one. Raises ValueError if none is left to train on."""
    count = max(1, round(share * len(names)))
    if count >= len(names):
        raise ValueError(
            f"{folder}: a validation share of {share} takes {count} of its {len(names)} tracks and "
            f"leaves none to train on"
        )
    order = draw(seed, "validation tracks").permutation(len(names))
    ordered = sorted(names)
    return {ordered[i] for i in order[:count]}
