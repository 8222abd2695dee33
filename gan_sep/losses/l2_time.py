"""The mean squared error of samples.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass

from torch import Tensor

from gan_sep.losses.base import Loss


@dataclass(frozen=True)
class Config(Loss):
    """mean (e - y)^2 over samples and channels."""

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return (estimates - sources).square().mean((2, 3))  # (B, S)
