"""The mean absolute error of magnitudes.

Of the losses of its source the one that, used as a metric, tracked listeners best (.84).
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass, field
from typing import Self

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.magnitudes import TINY, Stft


@dataclass(frozen=True)
class Config(Loss):
    """mean |E - Y| over bins and channels."""

    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        E, Y = self.stft.magnitudes(estimates, sources)  # (B, S, C, F, N)
        return (E - Y).abs().mean((2, 3, 4))  # (B, S)
