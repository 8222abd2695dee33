"""The contract of optimizers: how a network's weights follow its loss."""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import nn

from gan_sep.optimizers.schedules.base import Schedule


class OptimizerConfig(Protocol):
    """What an optimizer's `Config` dataclass offers.

    Its fields are the YAML keys under `optimizer`, each with a default.
    """

    @property
    def lr(self) -> float:
        """The learning rate, before the schedule."""

    @property
    def schedule(self) -> Schedule:
        """How the learning rate changes over the steps."""

    @property
    def line_search(self) -> bool:
        """Whether a step evaluates its batch's loss again, at weights that it tries out."""

    @property
    def max_gradient_norm(self) -> float | None:
        """The norm that longer gradients are shortened to, or None."""

    def build(self, weights: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """The optimizer of named weights; what lasts from step to step is in its `state_dict`."""
