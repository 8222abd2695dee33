"""Adam with decoupled weight decay.

Source: Kingma, Ba, Adam: a method for stochastic optimization, 2015; Loshchilov, Hutter, Decoupled
weight decay regularization, 2019.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn


@dataclass(frozen=True)
class Config:
    """lr, the learning rate; betas, how much the running means of gradient and square keep.

    weight_decay times lr is taken from every weight in each step; max_gradient_norm null leaves
    gradients unclipped. Raises ValueError naming the field that is out of range.
    """

    line_search: ClassVar[bool] = False
    lr: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    max_gradient_norm: float | None = None

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ValueError(f"lr: expected a positive rate, got {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas: expected [0, 1), got {self.betas}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay: expected >= 0, got {self.weight_decay}")
        norm = self.max_gradient_norm
        if norm is not None and not norm > 0:
            raise ValueError(f"max_gradient_norm: expected > 0 or null, got {norm}")

    def build(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """torch's AdamW."""
        return torch.optim.AdamW(
            weights, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay, fused=True
        )
