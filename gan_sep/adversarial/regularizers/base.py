"""The contract of regularizers: terms of the discriminators' own loss that keep them from
overfitting.

They are added to L_D,k, per source; the generator never meets them.
"""

from dataclasses import dataclass
from typing import Any, Self

from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.scored import Scored


class Regularizer:
    """A term, and what it remembers from step to step."""

    def differentiates(self, step: int) -> bool:
        """Whether it needs, in this step, gradients at the signals that discriminators receive."""
        return False

    def __call__(self, real: Scored, fake: Scored, step: int) -> Tensor | None:
        """The weighted penalty of a micro-batch, (S,), at least 0; None in a step without one."""
        raise NotImplementedError

    def end_step(self) -> None:
        """All micro-batches of a step in which the discriminators update have been given."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave."""


@dataclass(frozen=True)
class RegularizerConfig:
    """Base of every regularizer's `Config`; its fields are the YAML keys of an entry."""

    def build(self, num_sources: int, accelerator: Accelerator) -> Regularizer:
        """The regularizer of as many discriminators, with nothing remembered yet."""
        raise NotImplementedError

    def check_training(self, first: int, steps: int) -> None:
        """ValueError where it would never act between the discriminators' first step and the last.

        The message begins with the field's name.
        """

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test."""
        return cls()
