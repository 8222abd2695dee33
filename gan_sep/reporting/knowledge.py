"""What the discriminators of each arm knew at the end, in few numbers for tables of many arms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import reduce
from operator import getitem
from typing import Any, Self

import numpy as np

from gan_sep.reporting.study import Study

NOTHING = float("nan")


@dataclass(frozen=True)
class Knowledge:
    """Of an arm's discriminators, see `gan_sep.adversarial.diagnostics`; NaN where not measured.

    train, held_out: accuracies; overlap: of the histograms of real and estimated held-out material.
    """

    train: float = NOTHING
    held_out: float = NOTHING
    r_v: float = NOTHING
    overlap: float = NOTHING

    @classmethod
    def of(cls, diagnosis: Mapping[str, Any]) -> Self:
        """The means over the sources of one diagnosis record."""
        paths = (
            ("accuracy", "train"),
            ("accuracy", "held_out"),
            ("r_v",),
            ("overlap", "real_fake_valid"),
        )
        sources = diagnosis["sources"].values()
        return cls(*(_mean(reduce(getitem, path, each) for each in sources) for path in paths))


def knowledge(study: Study) -> dict[str, Knowledge]:
    """Arm -> what its discriminators knew at the end, the mean over its seeds."""
    by_arm: dict[str, list[Knowledge]] = {}
    for run in study.adversarial_runs:
        if history := run.records("diagnosis"):
            by_arm.setdefault(run.arm, []).append(Knowledge.of(history[-1]))
    return {
        arm: Knowledge(*map(_mean, zip(*map(astuple, of_seeds), strict=True)))
        for arm, of_seeds in by_arm.items()
    }


def _mean(values: Iterable[float | None]) -> float:
    """Of the numbers there are; NaN where there is none."""
    known: Sequence[float] = [v for v in values if v is not None and not np.isnan(v)]
    return float(np.mean(known)) if known else NOTHING
