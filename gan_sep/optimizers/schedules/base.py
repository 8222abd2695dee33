"""The contract of schedules: a function of the step, so that a resumed run finds its rate again.

Nothing is counted while training: Accelerate would advance a prepared scheduler once for each
process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gan_sep.ranges import at_least


class Progress(NamedTuple):
    """Where a run stands: steps made so far and in all, and its validation scores, best highest."""

    step: int
    steps: int
    scores: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Base of every schedule's `Config`; its fields are the YAML keys under `schedule`."""

    warmup_steps: int = 0  # the rate first grows linearly from 0 over so many steps

    def __post_init__(self) -> None:
        at_least(0, self, "warmup_steps")

    def factor(self, progress: Progress) -> float:
        """What `lr` is multiplied with in the step that comes next."""
        warmup = min(1.0, (progress.step + 1) / (self.warmup_steps + 1))
        return warmup * self.after_warmup(progress)

    def after_warmup(self, progress: Progress) -> float:
        """The factor where there is no warm-up, or after it."""
        raise NotImplementedError
