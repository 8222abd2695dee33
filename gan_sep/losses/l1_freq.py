"""The mean absolute error of magnitudes.

Of the losses of its source the one that, used as a metric, tracked listeners best (.84).
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass

from torch import Tensor

from gan_sep.losses.layers.magnitudes import MagnitudeLoss


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """mean |E - Y| over bins and channels."""

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        return (E - Y).abs().mean((2, 3, 4))
