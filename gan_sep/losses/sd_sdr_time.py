"""The scale-dependent signal-to-distortion ratio of samples, negated.

Source: Le Roux, Wisdom, Erdogan, Hershey, SDR - half-baked or well done?, 2019; Gusó et al., On
loss functions and evaluation metrics for music source separation, 2022, whose minimum with the
plain ratio also keeps estimates from growing too loud.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import FLOOR, level, mean_square, scale_of


@dataclass(frozen=True)
class Config(Loss):
    """-min(R, R + 10 log10 a^2), R = 10 log10(|y|^2 / |e - y|^2), a = <e, y> / |y|^2.

    -80 dB at equality. Silent sources are left out.
    """

    leaves_out_silence: ClassVar[bool] = True

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        energy = mean_square(sources).clamp_min(FLOOR)  # (B, S)
        negative_snr = level(mean_square(estimates - sources) / energy)  # (B, S)
        too_soft = -level(scale_of(estimates, sources).square())  # (B, S), dB
        return negative_snr + too_soft.relu()
