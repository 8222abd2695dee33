"""A study: the finished runs of all arms, of one seed or several, and what follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd

from gan_sep.adversarial.verdict import Verdict
from gan_sep.evaluation.metrics import available
from gan_sep.reporting.committed import is_committed, read_study
from gan_sep.reporting.effects import compared, effects, names
from gan_sep.reporting.frame import costs, frame_of
from gan_sep.reporting.runs import ArmRun, all_rows, find_arms
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import console
from gan_sep.statistics.compare import compare
from gan_sep.statistics.pairing import BASELINE, REFERENCE_SYSTEMS

# The statistics that a report opens with and the console shows; table.md holds all.
HEADLINES = ("gnsdr", "sdr", "sdr_mean", "usdr")
_NO_CONTROL = (*REFERENCE_SYSTEMS, BASELINE)


@dataclass(frozen=True)
class Study:
    """runs: by seed, plain before the others; rows: of all arms, mixture and oracles once.

    controls: arms with which the others are compared besides the plain one. name, question: of its
    report.
    """

    runs: Sequence[ArmRun]
    rows: pd.DataFrame
    controls: Sequence[str] = ()
    name: str = ""
    question: str | None = None

    @classmethod
    def of(
        cls, folders: Sequence[Path], controls: Sequence[str] = (), question: str | None = None
    ) -> Self:
        """The arms below the folders runs/NAME, which count as several seeds; or a committed study.

        question: by default that of the configuration. controls: of a committed study by default
        its own.
        Raises FileNotFoundError and ValueError as `find_arms`, `all_rows` and `read_study` do, and
        ValueError where a control is no arm of the study.
        """
        if len(folders) == 1 and is_committed(folders[0]):
            kept = read_study(folders[0])
            runs, rows, name = kept.runs, kept.rows, folders[0].name
            controls, question = controls or kept.controls, question or kept.question
        else:
            runs = find_arms(folders)
            rows = all_rows(runs)
            for run in runs:
                run.require_readable()
            name = " + ".join(dict.fromkeys(str(run.config["name"]) for run in runs))
            question = question or runs[0].config.get("question")
        arms = [arm for arm in dict.fromkeys(rows["arm"]) if arm not in _NO_CONTROL]
        for control in controls:
            if control not in arms:
                raise ValueError(f"controls: expected some of {', '.join(arms)}, got {control}")
        return cls(runs, rows, controls, name, question)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Everything in one long table. Raises as `frame_of`."""
        return frame_of(self.runs, self.rows)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Every statistic whose metric was evaluated, against the plain arm and each control.

        See `gan_sep.reporting.effects`. Raises ValueError as `compare`.
        """
        return effects_of(self.rows, (BASELINE, *self.controls))

    @property
    def against_plain(self) -> pd.DataFrame:
        """The effects whose baseline is the plain arm."""
        return self.effects[self.effects["baseline"] == BASELINE]

    @property
    def against_controls(self) -> pd.DataFrame:
        """Those whose baseline is a control, of all arms but the plain one."""
        lines = compared(self.effects)
        return lines[(lines["baseline"] != BASELINE) & (lines["arm"] != BASELINE)]

    @property
    def statistics(self) -> list[str]:
        """The names of all that arms are compared by."""
        return names(self.effects["statistic"])

    def chosen(self, statistics: Iterable[str]) -> pd.DataFrame:
        """The effects against the plain arm of the named statistics that are there."""
        lines = self.against_plain
        found = [lines[lines["statistic"] == name] for name in statistics]
        return pd.concat([lines.iloc[:0], *found])

    @property
    def has_records(self) -> bool:
        """Whether training curves are known."""
        return bool((self.frame["kind"] == "record").any())

    @property
    def terms(self) -> Sequence[str]:
        """The names of the reconstruction losses."""
        return list(dict.fromkeys(name for run in self.runs for name in run.loss_names))

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Arm -> what it costs, see `gan_sep.reporting.frame.costs`."""
        return costs(self.frame)

    @property
    def adversarial_runs(self) -> Sequence[ArmRun]:
        """The runs that trained with discriminators."""
        return [run for run in self.runs if run.config["discriminator"]]

    @property
    def verdicts(self) -> Mapping[tuple[int, str], Verdict]:
        """What the diagnoses say of the discriminators: (seed, arm) -> verdict."""
        return {(run.seed, run.arm): run.verdict for run in self.adversarial_runs}

    @cached_property
    def unaffected(self) -> Mapping[tuple[int, str], str]:
        """(seed, arm) -> a sentence, where what was evaluated owes the discriminators nothing."""
        return {
            (run.seed, run.arm): f"{arm_name(run.arm)}, seed {run.seed}: the best weights on "
            f"validation, which were evaluated, are of step {run.evaluated_step}, before the "
            "generator is given its discriminators' gradients: those of the plain run at that step."
            for run in self.adversarial_runs
            if run.before_discriminators()
        }

    @cached_property
    def lengths(self) -> str | None:
        """A sentence where the arms were not evaluated after the same number of steps."""
        steps: dict[str, set[int]] = {}
        for run in self.runs:
            if run.evaluated_step is not None:
                steps.setdefault(run.arm, set()).add(run.evaluated_step)
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
        if chosen.empty:
            raise ValueError(
                f"statistic: expected some of {', '.join(self.statistics) or 'none'}, which these "
                f"runs were evaluated with, got {', '.join(statistics)}"
            )
        words = [
            f"Discriminators, {arm_name(arm)}, seed {seed}: {verdict.sentence}"
            for (seed, arm), verdict in self.verdicts.items()
        ]
        if self.lengths:
            words.insert(0, self.lengths)
        return "\n".join([console(chosen), *words])


def effects_of(rows: pd.DataFrame, baselines: Sequence[str] = (BASELINE,)) -> pd.DataFrame:
    """The effects of all arms of an evaluation against each baseline. Raises as `compare`."""
    known = available(rows["metric"])
    return effects(compare(rows, s, baseline=name) for name in baselines for s in known)
