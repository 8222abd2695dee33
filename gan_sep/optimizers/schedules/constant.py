"""The same learning rate in every step."""

from dataclasses import dataclass

from gan_sep.optimizers.schedules.base import Progress, Schedule


@dataclass(frozen=True)
class Config(Schedule):
    """lr throughout."""

    def after_warmup(self, progress: Progress) -> float:
        return 1.0
