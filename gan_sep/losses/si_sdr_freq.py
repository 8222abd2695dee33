"""The scale-invariant signal-to-distortion ratio of magnitudes, negated.

The best mean SDR of all losses in its source, and the second best metric (.79).
Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import negative_si_sdr
from gan_sep.losses.layers.magnitudes import TINY, Stft


@dataclass(frozen=True)
class Config(Loss):
    """-SI-SDR of magnitudes, flattened over channels, bins and frames; -80 dB at equality.

    Silent sources are left out. The level of an estimate is not learned.
    """

    leaves_out_silence: ClassVar[bool] = True
    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        E, Y = self.stft.magnitudes(estimates, sources)  # (B, S, C, F, N)
        return negative_si_sdr(E, Y)  # (B, S)
