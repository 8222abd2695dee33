"""The mean squared error of magnitudes: what Open-Unmix is trained with.

Source: Stöter, Uhlich, Liutkus, Mitsufuji, Open-Unmix, 2019; Gusó et al., On loss functions and
evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass

from torch import Tensor

from gan_sep.losses.layers.magnitudes import MagnitudeLoss


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """mean (E - Y)^2 over bins and channels."""

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        return (E - Y).square().mean((2, 3, 4))
