"""A drop of the learning rate where the validation score has not risen for a while.

Open-Unmix drops to 0.3 after 80 epochs without improvement.
Source: Stöter, Uhlich, Liutkus, Mitsufuji, Open-Unmix, 2019.
"""

from dataclasses import dataclass

from gan_sep.optimizers.schedules.base import Progress, Schedule
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class Config(Schedule):
    """drop^(number of plateaus so far), found again from all validation scores so far."""

    patience: int = 10  # validations without a better score that are borne; the next one drops
    drop: float = 0.3  # what the rate is multiplied with

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(0, self, "patience")
        if not 0 < self.drop <= 1:
            raise ValueError(f"drop: expected (0, 1], got {self.drop}")

    def after_warmup(self, progress: Progress) -> float:
        best, waited, drops = float("-inf"), 0, 0
        for score in progress.scores:
            waited = 0 if score > best else waited + 1
            best = max(best, score)
            if waited > self.patience:
                waited, drops = 0, drops + 1
        return float(self.drop**drops)
