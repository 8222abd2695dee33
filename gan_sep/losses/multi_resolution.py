"""A fixed distance of log spectrograms at several resolutions, in dB:

    loss = mean over windows of | dB(S) - dB(E) |,  a mean over bins.

Its input is that of a discriminator of spectrograms, level in dB by time and frequency, and it
learns nothing: what such discriminators are worth beyond it, this loss tells. Beside l1_time a
weight of 0.0005 gives both gradients of about the same norm on songs.

Source: Yamamoto, Song, Kim, "Parallel WaveGAN", 2020, the log magnitude distance of its
multi-resolution STFT loss. Its other half, spectral convergence, is a ratio that has no value where
a source is silent; mr_stft has both.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.spectra import decibels, power_spectrogram


@dataclass(frozen=True)
class Config(Loss):
    """Mean absolute difference of log spectrograms, which end 80 dB below a full sine."""

    n_ffts: tuple[int, ...] = (256, 512, 1024, 2048)  # windows in samples; hops are a quarter

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [n_fft for n_fft in self.n_ffts if n_fft < 4 or n_fft % 4]
        if not self.n_ffts or wrong:
            raise ValueError(
                f"n_ffts: expected one or more multiples of 4, got {list(self.n_ffts)}"
            )

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_ffts=(32, 64))

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        distances = [log_distance(estimates, sources, n_fft) for n_fft in self.n_ffts]
        return torch.stack(distances).mean(0)  # (B, S)


def log_distance(estimates: Tensor, sources: Tensor, n_fft: int) -> Tensor:
    """The distance in dB at one resolution: (B, S, C, T) twice -> (B, S)."""
    levels = [decibels(power_spectrogram(each, n_fft, n_fft // 4)) for each in (estimates, sources)]
    return (levels[0] - levels[1]).abs().mean((2, 3, 4))  # (B, S, C, F, N) -> (B, S)
