"""Spectral convergence and the distance of log magnitudes at several resolutions.

Printed without an absolute value, errors of opposite sign in the second would cancel.
Source: Yamamoto, Song, Kim, Parallel WaveGAN, 2020; Gusó et al., On loss functions and evaluation
metrics for music source separation, 2022, with the two resolutions of the default.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.linalg import vector_norm

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.magnitudes import Stft

FLOOR = 1e-4  # of magnitudes, -80 dB


@dataclass(frozen=True)
class Config(Loss):
    """mean over windows of |E - Y| / |Y| + mean |log10 E - log10 Y|; 0 at equality.

    The first is a ratio of norms over all bins and channels. Silent sources are left out.
    """

    leaves_out_silence: ClassVar[bool] = True
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
        stfts = [Stft(n_fft, n_fft // 4) for n_fft in self.n_ffts]
        distances = [distance(*stft.magnitudes(estimates, sources)) for stft in stfts]
        return torch.stack(distances).mean(0)  # (B, S)


def distance(estimates: Tensor, sources: Tensor) -> Tensor:
    """Both parts of magnitudes at one resolution: (B, S, C, F, N) twice -> (B, S)."""
    E, Y = estimates, sources
    error, size = (vector_norm(each, dim=(2, 3, 4)) for each in (E - Y, Y))  # (B, S)
    logs = ((E + FLOOR).log10() - (Y + FLOOR).log10()).abs().mean((2, 3, 4))  # (B, S)
    return error / size.clamp_min(FLOOR) + logs
