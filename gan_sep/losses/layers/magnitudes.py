"""Spectra as losses compare them, on the scale of samples."""

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from gan_sep import spectra
from gan_sep.losses.base import Loss


@dataclass(frozen=True)
class Stft(spectra.Stft):
    """The short-time Fourier transform of a loss, with a periodic Hann window.

    Scaled so that the mean square of a signal's magnitudes is that of its samples, whatever n_fft:
    unscaled, gradients of a squared error would sink below Adam's epsilon with small windows.
    """

    def spectrum(self, signal: Tensor) -> Tensor:
        """(..., T) -> complex (..., F, N)."""
        return spectra.stft(signal, self.n_fft, self.hop) / self._scale

    def magnitude(self, signal: Tensor) -> Tensor:
        """(..., T) -> (..., F, N)."""
        return spectra.magnitude_spectrogram(signal, self.n_fft, self.hop, 1 / self._scale)

    def magnitudes(self, estimates: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
        """(..., T) each -> (..., F, N) each."""
        return self.magnitude(estimates), self.magnitude(sources)

    @property
    def _scale(self) -> float:
        return math.sqrt(3 / 8 * self.n_fft)  # 3 / 8 n_fft is the energy of a Hann window


TINY = Stft(64, 32)  # small enough for a test


@dataclass(frozen=True)
class MagnitudeLoss(Loss):
    """Base of the losses of spectra that have one window."""

    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return self.distance(*self.stft.magnitudes(estimates, sources))

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        """Magnitudes of estimates and sources, (B, S, C, F, N) each -> (B, S)."""
        raise NotImplementedError


@dataclass(frozen=True)
class MultiResolutionLoss(Loss):
    """Base of the losses that are the mean of several windows."""

    n_ffts: tuple[int, ...] = (2048, 1024)  # windows in samples; hops are a quarter

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.n_ffts or any(n_fft < 4 or n_fft % 4 for n_fft in self.n_ffts):
            raise ValueError(
                f"n_ffts: expected one or more multiples of 4, got {list(self.n_ffts)}"
            )

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_ffts=(32, 64))

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        distances = [self.at(n_fft, estimates, sources) for n_fft in self.n_ffts]
        return torch.stack(distances).mean(0)  # (B, S)

    def at(self, n_fft: int, estimates: Tensor, sources: Tensor) -> Tensor:
        """Of one window: (B, S, C, T) twice -> (B, S)."""
        raise NotImplementedError
