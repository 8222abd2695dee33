"""A study: the finished runs of all arms, of one seed or several, and what follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd

from gan_sep.adversarial.verdict import Verdict, verdict
from gan_sep.evaluation.metrics import available
from gan_sep.reporting.cost import Cost, arm_costs
from gan_sep.reporting.runs import ArmRun, all_rows, find_arms
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import console
from gan_sep.runs import reading_file
from gan_sep.statistics.compare import Comparison, compare
from gan_sep.statistics.pairing import BASELINE

# The statistics that a report opens with and the console shows; table.md holds all.
HEADLINES = ("gnsdr", "sdr", "sdr_mean", "usdr")


@dataclass(frozen=True)
class Study:
    """runs: by seed, plain before the others; rows: of all arms, mixture and oracles once.

    controls: arms with which the others are compared besides the plain one.
    """

    runs: Sequence[ArmRun]
    rows: pd.DataFrame
    controls: Sequence[str] = ()

    @classmethod
    def of(cls, run_folders: Sequence[Path], controls: Sequence[str] = ()) -> Self:
        """The arms below the folders runs/NAME; several folders count as several seeds.

        Raises FileNotFoundError and ValueError as `find_arms` and `all_rows` do, and ValueError
        where a control is no arm of the study.
        """
        runs = find_arms(run_folders)
        rows = all_rows(runs)
        for run in runs:
            run.require_readable()
        arms = dict.fromkeys(run.arm for run in runs if run.arm != BASELINE)
        for control in controls:
            if control not in arms:
                raise ValueError(f"controls: expected some of {', '.join(arms)}, got {control}")
        return cls(runs, rows, controls)

    @cached_property
    def comparisons(self) -> Mapping[str, Comparison]:
        """Every statistic whose metric was evaluated, by name. Raises ValueError as `compare`."""
        return {s.name: compare(self.rows, s) for s in available(self.rows["metric"])}

    @cached_property
    def against_controls(self) -> Sequence[Sequence[Comparison]]:
        """Of each control every statistic, its effects being differences from the control."""
        return [
            [compare(self.rows, s, baseline=control) for s in available(self.rows["metric"])]
            for control in self.controls
        ]

    @cached_property
    def costs(self) -> Mapping[str, Cost]:
        """Arm -> what it costs, the mean of its seeds. Raises as `arm_costs` does."""
        return arm_costs(self.runs)

    def chosen(self, statistics: Iterable[str]) -> list[Comparison]:
        """The named statistics that are there."""
        return [self.comparisons[name] for name in statistics if name in self.comparisons]

    @property
    def adversarial_runs(self) -> Sequence[ArmRun]:
        """The runs that trained with discriminators."""
        return [run for run in self.runs if run.config["discriminator"]]

    @cached_property
    def verdicts(self) -> Mapping[tuple[int, str], Verdict]:
        """What the diagnoses say of the discriminators: (seed, arm) -> verdict."""
        said = {}
        for run in self.adversarial_runs:
            with reading_file(run.records_file, "diagnoses"):
                said[run.seed, run.arm] = verdict(run.records("diagnosis"))
        return said

    @cached_property
    def unaffected(self) -> Mapping[tuple[int, str], str]:
        """(seed, arm) -> a sentence, where what was evaluated owes the discriminators nothing."""
        return {
            (run.seed, run.arm): f"{arm_name(run.arm)}, seed {run.seed}: the best weights on "
            f"validation, which were evaluated, are of step {run.evaluated_step()}, before the "
            "generator is given its discriminators' gradients: those of the plain run at that step."
            for run in self.adversarial_runs
            if run.before_discriminators()
        }

    @cached_property
    def lengths(self) -> str | None:
        """A sentence where the arms were not evaluated after the same number of steps."""
        steps: dict[str, set[int]] = {}
        for run in self.runs:
            steps.setdefault(run.arm, set()).add(run.evaluated_step() or 0)
        if len(set().union(*steps.values())) < 2:
            return None
        each = (
            f"{arm_name(arm)} {' and '.join(map(str, sorted(found)))}"
            for arm, found in steps.items()
        )
        return f"The arms were evaluated after different numbers of steps: {', '.join(each)}."

    def in_short(self, statistics: Sequence[str] = HEADLINES) -> str:
        """The tables of the named statistics that are there, and the verdicts, for the console.

        Raises ValueError where none of the named statistics is there.
        """
        chosen = self.chosen(statistics)
        if not chosen:
            raise ValueError(
                f"statistic: expected some of {', '.join(self.comparisons) or 'none'}, which these "
                f"runs were evaluated with, got {', '.join(statistics)}"
            )
        words = [
            f"Discriminators, {arm_name(arm)}, seed {seed}: {verdict.sentence}"
            for (seed, arm), verdict in self.verdicts.items()
        ]
        if self.lengths:
            words.insert(0, self.lengths)
        return "\n".join([console(chosen), *words])
