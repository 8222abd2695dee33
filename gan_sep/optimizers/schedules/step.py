"""A drop of the learning rate after every so many steps."""

from dataclasses import dataclass

from gan_sep.optimizers.schedules.base import Progress, Schedule
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class Config(Schedule):
    """drop^(number of drops so far)."""

    every: int = 10_000  # steps from one drop to the next, counted from step 0
    drop: float = 0.5  # what the rate is multiplied with

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, self, "every")
        if not 0 < self.drop <= 1:
            raise ValueError(f"drop: expected (0, 1], got {self.drop}")

    def after_warmup(self, progress: Progress) -> float:
        return float(self.drop ** (progress.step // self.every))
