"""The logarithm of the mean absolute error of magnitudes.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import level
from gan_sep.losses.layers.magnitudes import TINY, Stft


@dataclass(frozen=True)
class Config(Loss):
    """10 log10(mean |E - Y| + 1e-8), -80 at equality; silent sources are left out."""

    leaves_out_silence: ClassVar[bool] = True
    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        E, Y = self.stft.magnitudes(estimates, sources)  # (B, S, C, F, N)
        return level((E - Y).abs().mean((2, 3, 4)))  # (B, S)
