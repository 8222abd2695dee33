"""The logarithm of the mean squared error of magnitudes.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022; an
early print of it names this formula LOGL1.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.layers.levels import level, mean_square
from gan_sep.losses.layers.magnitudes import MagnitudeLoss


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """10 log10(mean (E - Y)^2 + 1e-8), -80 at equality; silent sources are left out."""

    leaves_out_silence: ClassVar[bool] = True

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        return level(mean_square(E - Y))
