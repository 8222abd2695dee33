"""Phase-sensitive approximation: the part of the error that lies along the mixture's phase.

As published, mean (E - Y cos(angle X - angle Y))^2, the estimate has the mixture's phase. A
waveform's estimate has its own, and the formula would not be 0 at e = y. Here both are projected,
which is the same for an estimate with the mixture's phase, and 0 at equality. An error in
quadrature to the mixture does not count.

Source: Erdogan, Hershey, Watanabe, Le Roux, Phase-sensitive and recognition-boosted speech
separation using deep recurrent neural networks, 2015; Gusó et al., On loss functions and evaluation
metrics for music source separation, 2022.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.fast.spectra import absolute
from gan_sep.losses.layers.levels import FLOOR, mean_square
from gan_sep.losses.layers.magnitudes import MagnitudeLoss


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """mean (Re((E - Y) conj X) / |X|)^2, complex E and Y, X the spectrum of the sources' sum."""

    least_sources: ClassVar[int] = 2

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        X = self.stft.spectrum(sources.sum(1, keepdim=True))  # (B, 1, C, F, N)
        error = self.stft.spectrum(estimates - sources)  # (B, S, C, F, N)
        along = (error.real * X.real + error.imag * X.imag) / absolute(X).clamp_min(FLOOR)
        return mean_square(along)  # (B, S)
