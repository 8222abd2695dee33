"""Adam with decoupled weight decay.

Source: Kingma, Ba, Adam: a method for stochastic optimization, 2015; Loshchilov, Hutter, Decoupled
weight decay regularization, 2019.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import torch
from torch import nn

from gan_sep.config.loader import Component
from gan_sep.optimizers.schedules import constant
from gan_sep.optimizers.schedules.base import Schedule
from gan_sep.ranges import at_least, positive


@dataclass(frozen=True)
class Config:
    """torch's AdamW. Raises ValueError naming the field that is out of range."""

    line_search: ClassVar[bool] = False
    lr: float = 3e-4  # learning rate
    # How much the running means of gradient and squared gradient keep in each step.
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0  # this times lr is taken from every weight in each step
    # The part of the network whose weights alone decay, such as `crosstransformer`; null: all.
    decayed_part: str | None = None
    max_gradient_norm: float | None = None  # longer gradients are shortened to it; null: none are
    # How the learning rate changes over the steps.
    schedule: Annotated[Schedule, Component("optimizers/schedules", default="constant")] = field(
        default_factory=constant.Config
    )

    def __post_init__(self) -> None:
        positive(self, "lr", "max_gradient_norm")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas: expected [0, 1), got {self.betas}")
        at_least(0, self, "weight_decay")

    def build(self, weights: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """torch's AdamW. Raises ValueError where the part that decays has no weights."""
        decayed: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, weight in weights:
            part = self.decayed_part
            (decayed if part is None or name.startswith(f"{part}.") else others).append(weight)
        if not decayed:
            raise ValueError(
                "optimizer.decayed_part: expected a part of the network that has weights, got "
                f"{self.decayed_part}"
            )
        groups: list[dict[str, Any]] = [{"params": decayed}]
        if others:
            groups.append({"params": others, "weight_decay": 0.0})
        return torch.optim.AdamW(
            groups, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay, fused=True
        )
