"""The logarithm of the mean absolute error of samples.

Its gradient grows as the error falls, as 1 / error, and so does not depend on a song's level.
Source: Heitkaemper et al., Demystifying TasNet, 2020; Gusó et al., On loss functions and evaluation
metrics for music source separation, 2022.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import level


@dataclass(frozen=True)
class Config(Loss):
    """10 log10(mean |e - y| + 1e-8), -80 at equality; silent sources are left out."""

    leaves_out_silence: ClassVar[bool] = True

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return level((estimates - sources).abs().mean((2, 3)))  # (B, S)
