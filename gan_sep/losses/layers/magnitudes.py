"""Spectra as losses compare them, on the scale of samples."""

import math
from dataclasses import dataclass

from torch import Tensor

from gan_sep.spectra import stft


@dataclass(frozen=True)
class Stft:
    """The short-time Fourier transform of a loss, with a periodic Hann window.

    Scaled so that the mean square of a signal's magnitudes is that of its samples, whatever n_fft:
    unscaled, gradients of a squared error would sink below Adam's epsilon with small windows.
    """

    n_fft: int = 4096  # window in samples
    hop: int = 1024  # samples from one frame to the next

    def __post_init__(self) -> None:
        if self.n_fft < 4 or self.n_fft % 2:
            raise ValueError(f"n_fft: expected an even number of at least 4, got {self.n_fft}")
        if not 1 <= self.hop <= self.n_fft // 2:
            raise ValueError(f"hop: expected 1 to n_fft / 2 = {self.n_fft // 2}, got {self.hop}")

    def spectrum(self, signal: Tensor) -> Tensor:
        """(..., T) -> complex (..., F, N)."""
        return stft(signal, self.n_fft, self.hop) / self._scale

    def magnitude(self, signal: Tensor) -> Tensor:
        """(..., T) -> (..., F, N). The gradient of a complex `abs` is 0 at 0."""
        return stft(signal, self.n_fft, self.hop).abs() / self._scale

    def magnitudes(self, estimates: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
        """(..., T) each -> (..., F, N) each."""
        return self.magnitude(estimates), self.magnitude(sources)

    @property
    def _scale(self) -> float:
        return math.sqrt(3 / 8 * self.n_fft)  # 3 / 8 n_fft is the energy of a Hann window


TINY = Stft(64, 32)  # small enough for a test
