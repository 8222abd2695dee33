"""Where each run of a study stands, read from its folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from gan_sep.config.run import RunConfig
from gan_sep.runs import RunFolder, write_text
from gan_sep.training.lifecycle import (
    Member,
    check_folder,
    evaluation_settings,
    evaluations,
    trained_steps,
)

State = Literal["done", "evaluate", "resume", "to do"]


@dataclass(frozen=True)
class Work:
    """One arm of one seed and how far it is."""

    member: Member
    step: int  # of its newest checkpoint, 0 without one
    evaluated: bool  # whether its rows are those of its present weights and settings

    @classmethod
    def of(cls, member: Member) -> Self:
        """Reads the run's folder.

        Raises ValueError where it holds a run of another configuration, or one trained for longer.
        """
        check_folder(member, resume=True)
        step, steps = trained_steps(member.folder), member.config.training.steps
        evaluated = step == steps and _is_evaluated(member.config, member.folder)
        return cls(member, step, evaluated)

    @property
    def config(self) -> RunConfig:
        """What the run is."""
        return self.member.config

    @property
    def arm(self) -> str:
        """What the arm is called in the study."""
        return self.member.arm

    @property
    def folder(self) -> RunFolder:
        """Where the run writes."""
        return self.member.folder

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.folder.name

    @property
    def steps_left(self) -> int:
        """Training steps to take."""
        return self.config.training.steps - self.step

    @property
    def state(self) -> State:
        """What there is to do."""
        if self.steps_left:
            return "resume" if self.step else "to do"
        return "done" if self.evaluated else "evaluate"

    def __str__(self) -> str:
        if self.state == "resume":
            return f"resume at step {self.step} of {self.config.training.steps}"
        return self.state


def _is_evaluated(config: RunConfig, run: RunFolder) -> bool:
    """Whether the folder holds all rows that evaluating now would give."""
    return all(
        run.rows_file(split).is_file()
        and run.settings(split) == evaluation_settings(replace(config, evaluation=settings), run)
        for split, settings in evaluations(config.evaluation).items()
    )


def survey(members: Sequence[Member]) -> list[Work]:
    """Where each run stands, in the given order. Raises as `Work.of` does."""
    return [Work.of(member) for member in members]


def share_references(done: RunFolder, begun: RunFolder, arms: Sequence[str]) -> None:
    """Copies the scores of mixture and oracles from an evaluated run to one yet to be evaluated.

    They are the same for all runs of a study, and the evaluation takes what it finds finished.
    arms: the names of mixture and oracles.
    """
    for arm in arms:
        for path in (done.evaluation() / arm).glob("*.json"):
            write_text(begun.evaluation() / arm / path.name, path.read_text("utf-8"))
