"""L1 of samples and, beside it, a fixed distance of log spectrograms at several resolutions.

    loss = |s - e|  +  weight * mean over windows of | dB(S) - dB(E) |,

each a mean over samples or bins. It hears what a discriminator of spectrograms hears, level in dB
by time and frequency, and learns nothing: what such judges are worth beyond it, this loss tells.

Source: Yamamoto, Song, Kim, "Parallel WaveGAN", 2020, the log magnitude distance of its
multi-resolution STFT loss. Its other half, spectral convergence, is a ratio that has no value where
a source is silent; L1 of samples stands in its place.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from gan_sep.losses.base import ReconstructionLoss
from gan_sep.losses.l1 import l1
from gan_sep.spectra import decibels, power_spectrogram


@dataclass(frozen=True)
class Config:
    """weight: of a dB beside an error of samples; n_ffts: windows in samples, hops are a quarter.

    With a weight of 0.0005 both have gradients of about the same norm on songs.
    """

    weight: float = 0.0005
    n_ffts: tuple[int, ...] = (256, 512, 1024, 2048)

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"weight: expected more than 0, got {self.weight}; without is l1")
        wrong = [n_fft for n_fft in self.n_ffts if n_fft < 4 or n_fft % 4]
        if not self.n_ffts or wrong:
            raise ValueError(
                f"n_ffts: expected one or more multiples of 4, got {list(self.n_ffts)}"
            )

    def build(self) -> ReconstructionLoss:
        """The loss of these settings."""
        return MultiResolutionLoss(self)

    @classmethod
    def tiny(cls) -> Self:
        """Small enough for a test."""
        return cls(n_ffts=(32, 64))


class MultiResolutionLoss:
    """Waveforms, estimates and sources (B, S, C, T) -> (S,), at least 0."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """estimates, sources: (B, S, C, T), same source order -> (S,).

        Raises ValueError where the shapes differ.
        """
        # In full precision whatever the rest runs in: bfloat16 tells levels apart by tenths of dB.
        with torch.autocast(estimates.device.type, enabled=False):
            samples = l1(estimates, sources)  # (S,)
            spectra = [log_distance(estimates, sources, n_fft) for n_fft in self.config.n_ffts]
            return samples + self.config.weight * torch.stack(spectra).mean(0)


def log_distance(estimates: Tensor, sources: Tensor, n_fft: int) -> Tensor:
    """Mean absolute difference of log spectrograms in dB, which end 80 dB below a full sine.

    estimates, sources: (B, S, C, T) -> (S,).
    """
    levels = [decibels(power_spectrogram(each, n_fft, n_fft // 4)) for each in (estimates, sources)]
    return (levels[0] - levels[1]).abs().mean((0, 2, 3, 4))  # (B, S, C, F, N) -> (S,)
