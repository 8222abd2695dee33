"""The mean squared error of ratio masks.

For networks that estimate masks; the mask of a waveform is its share in the estimates' magnitudes.
Louder bins count no more than soft ones: the authors advise against it.
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.magnitudes import TINY, Stft
from gan_sep.losses.layers.masks import masks, mean_of


@dataclass(frozen=True)
class Config(Loss):
    """mean (M~ - M)^2 of M = Y_k / sum_j Y_j and M~ = E_k / sum_j E_j.

    Over bins of the mixture above -80 dB; 1e-4, as much, is added to both sums.
    """

    least_sources: ClassVar[int] = 2
    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        M_e, M_y, counted = masks(estimates, sources, self.stft)
        return mean_of((M_e - M_y).square(), counted)  # (B, S)
