"""A study: the finished runs of both arms, of one seed or several, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd

from gan_sep.evaluation.statistics import Comparison, available, compare
from gan_sep.reporting.runs import ArmRun, all_rows, find_arms
from gan_sep.reporting.tables import console
from gan_sep.training.verdict import Verdict, verdict

# The statistics that a report opens with and the console shows; table.md holds all.
HEADLINES = ("gnsdr", "sdr", "sdr_mean", "usdr")


@dataclass(frozen=True)
class Study:
    """runs: by seed, plain before gan; rows: of all arms, the mixture's once."""

    runs: Sequence[ArmRun]
    rows: pd.DataFrame

    @classmethod
    def of(cls, run_folders: Sequence[Path]) -> Self:
        """The arms below the folders runs/NAME; several folders count as several seeds.

        Raises FileNotFoundError and ValueError as `find_arms` and `all_rows` do.
        """
        runs = find_arms(run_folders)
        return cls(runs, all_rows(runs))

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """Every statistic whose metric was evaluated, by name. Raises ValueError as `compare`."""
        return {s.name: compare(self.rows, s) for s in available(self.rows)}

    @cached_property
    def verdicts(self) -> Mapping[int, Verdict]:
        """What the diagnoses say of the discriminators: seed -> verdict."""
        return {run.seed: verdict(run.records("diagnosis")) for run in self.arm("gan")}

    def arm(self, arm: str) -> list[ArmRun]:
        """The runs of one arm, by seed."""
        return [run for run in self.runs if run.arm == arm]

    def in_short(self, statistics: Sequence[str] = HEADLINES) -> str:
        """The tables of the named statistics that are there, and the verdicts, for the console.

        Raises ValueError where none of the named statistics is there.
        """
        chosen = [self.comparisons[s] for s in statistics if s in self.comparisons]
        if not chosen:
            raise ValueError(
                f"statistic: expected some of {', '.join(self.comparisons) or 'none'}, which these "
                f"runs were evaluated with, got {', '.join(statistics)}"
            )
        words = [
            f"Discriminators, seed {seed}: {verdict.sentence}"
            for seed, verdict in self.verdicts.items()
        ]
        return "\n".join([console(chosen), *words])
