"""Where each arm of a study stands, read from its folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import yaml

from gan_sep.config.run import Arm, RunConfig
from gan_sep.data.base import Split
from gan_sep.reporting.files import write_text
from gan_sep.reporting.runs import ROWS, SETTINGS
from gan_sep.training.twins import (
    check_folder,
    evaluation_settings,
    evaluations,
    trained_steps,
)

State = Literal["done", "evaluate", "resume", "to do"]


@dataclass(frozen=True)
class Work:
    """One arm of one seed and how far it is.

    config: of this arm alone; step: that of its newest checkpoint, 0 without one; evaluated: its
    rows are those of its present weights under the present settings.
    """

    config: RunConfig
    step: int
    evaluated: bool

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Reads the arm's folder.

        Raises ValueError where it holds a run of another configuration, or one trained for longer.
        """
        check_folder(config, config.arms[0], resume=True)
        folder = config.arm_folder(config.arms[0])
        step, steps = trained_steps(folder), config.training.steps
        if step > steps:
            raise ValueError(
                f"{folder}: expected an arm of {steps} steps, found one trained for {step}; say "
                f"training.steps={step}, choose another name (name=...) or delete the folder"
            )
        return cls(config, step, step == steps and _is_evaluated(config, folder))

    @property
    def arm(self) -> Arm:
        """Whether it is trained with discriminators."""
        return self.config.arms[0]

    @property
    def arm_name(self) -> str:
        """What the arm is called in the study."""
        return self.config.arm_name(self.arm)

    @property
    def folder(self) -> Path:
        """Where the arm writes."""
        return self.config.arm_folder(self.arm)

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


def _is_evaluated(config: RunConfig, folder: Path) -> bool:
    """Whether the folder holds all rows that evaluating now would give."""
    return all(
        _has_rows(replace(config, evaluation=settings), folder, split)
        for split, settings in evaluations(config.evaluation).items()
    )


def _has_rows(config: RunConfig, folder: Path, split: Split) -> bool:
    """Whether the rows of a split are there, and made with these settings."""
    rows = config.arm_rows(config.arms[0], split)
    settings = rows.with_name(SETTINGS.name)
    if not settings.is_file() or not rows.is_file():
        return False
    there: object = yaml.safe_load(settings.read_text("utf-8"))
    return there == evaluation_settings(config, folder)


def survey(configs: Sequence[RunConfig]) -> list[Work]:
    """Where each arm stands, in the given order. Raises as `Work.of` does."""
    return [Work.of(config) for config in configs]


def share_bounds(done: Path, begun: Path, arms: Sequence[str]) -> None:
    """Copies the scores of mixture and oracles from an evaluated arm to one yet to be evaluated.

    They are the same for all arms of a study, and the evaluation takes what it finds finished.
    done, begun: folders of the arms; arms: the names of mixture and oracles.
    """
    for arm in arms:
        for path in (done / ROWS.parent / arm).glob("*.json"):
            write_text(begun / ROWS.parent / arm / path.name, path.read_text("utf-8"))
