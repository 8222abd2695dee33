"""The scale-invariant signal-to-distortion ratio of magnitudes, negated.

The best mean SDR of all losses in its source, and the second best metric (.79).
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.layers.levels import negative_si_sdr
from gan_sep.losses.layers.magnitudes import MagnitudeLoss


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """-SI-SDR of magnitudes, flattened over channels, bins and frames; -80 dB at equality.

    Silent sources are left out. The level of an estimate is not learned.
    """

    leaves_out_silence: ClassVar[bool] = True

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        return negative_si_sdr(E, Y)
