"""Half a period of a cosine, from lr after the warm-up down to a share of it.

Source: Loshchilov, Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.
"""

import math
from dataclasses import dataclass

from gan_sep.optimizers.schedules.base import Progress, Schedule
from gan_sep.ranges import share


@dataclass(frozen=True)
class Config(Schedule):
    """final + (1 - final) (1 + cos(pi x)) / 2, x from 0 after the warm-up to 1 at the end."""

    final: float = 0.0  # the share of lr that is left at the end
    steps: int | None = None  # after which the end is reached; null: training.steps

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, "final")
        if self.steps is not None and self.steps <= self.warmup_steps:
            raise ValueError(
                f"steps: expected more than warmup_steps ({self.warmup_steps}), got {self.steps}"
            )

    def after_warmup(self, progress: Progress) -> float:
        steps = self.steps or progress.steps
        x = (progress.step - self.warmup_steps) / max(1, steps - self.warmup_steps)
        x = min(max(x, 0.0), 1.0)
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * x)) / 2
