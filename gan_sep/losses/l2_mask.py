"""The mean squared error of ratio masks.

For networks that estimate masks; the mask of a waveform is its share in the estimates' magnitudes.
Louder bins count no more than soft ones: the authors advise against it.
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass

from torch import Tensor

from gan_sep.losses.layers.masks import MaskLoss


@dataclass(frozen=True)
class Config(MaskLoss):
    """mean (M~ - M)^2 of M = Y_k / sum_j Y_j and M~ = E_k / sum_j E_j."""

    def error(self, difference: Tensor) -> Tensor:
        return difference.square()
