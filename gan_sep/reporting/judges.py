"""What the discriminators of each arm knew at the end, and what validation said of the arm.

Numbers for tables and figures of many arms: means over sources and seeds of the last diagnosis.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import reduce
from operator import getitem
from typing import Any, Self

import numpy as np

from gan_sep.evaluation.pairing import BASELINE
from gan_sep.reporting.runs import ArmRun, number_at
from gan_sep.reporting.study import Study

NOTHING = float("nan")


@dataclass(frozen=True)
class Knowledge:
    """Of an arm's discriminators, see `gan_sep.training.diagnostics`; NaN where not measured.

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


def validation_gains(study: Study) -> dict[str, float]:
    """Arm -> what the validation tracks gain over the plain arm by its best weights, in dB of uSDR.

    The mean over seeds. What is chosen among arms is chosen by it, so that the test tracks stay
    unseen.
    """
    best = {(run.seed, run.arm): best_validation(run) for run in study.runs}
    gains: dict[str, list[float]] = {}
    for (seed, arm), score in best.items():
        if arm != BASELINE:
            gains.setdefault(arm, []).append(score - best.get((seed, BASELINE), NOTHING))
    return {arm: _mean(of_seeds) for arm, of_seeds in gains.items()}


def best_validation(run: ArmRun) -> float:
    """The best uSDR of the validation tracks, the mean of tracks and sources, in dB."""
    scores = [number_at(record, "usdr/All") for record in run.records("valid")]
    return max(scores, default=NOTHING)


def _mean(values: Iterable[float | None]) -> float:
    """Of the numbers there are; NaN where there is none."""
    known: Sequence[float] = [v for v in values if v is not None and not np.isnan(v)]
    return float(np.mean(known)) if known else NOTHING
