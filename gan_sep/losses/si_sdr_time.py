"""The scale-invariant signal-to-distortion ratio of samples, negated.

Source: Le Roux, Wisdom, Erdogan, Hershey, SDR - half-baked or well done?, 2019; Gusó et al., On
loss functions and evaluation metrics for music source separation, 2022, where the sums over time
are printed outside the logarithm and divided by their number.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import negative_si_sdr


@dataclass(frozen=True)
class Config(Loss):
    """-10 log10(|a y|^2 / |a y - e|^2) with a = <e, y> / |y|^2, over all channels.

    -80 dB at equality. Silent sources are left out. The level of an estimate is not learned.
    """

    leaves_out_silence: ClassVar[bool] = True

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return negative_si_sdr(estimates, sources)  # (B, S)
