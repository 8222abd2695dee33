"""Spectral convergence and the distance of log magnitudes at several resolutions.

Printed without an absolute value, errors of opposite sign in the second would cancel.
Source: Yamamoto, Song, Kim, Parallel WaveGAN, 2020; Gusó et al., On loss functions and evaluation
metrics for music source separation, 2022, with the two resolutions of the default.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.linalg import vector_norm

from gan_sep.losses.layers.magnitudes import MultiResolutionLoss, Stft

FLOOR = 1e-4  # of magnitudes, -80 dB


@dataclass(frozen=True)
class Config(MultiResolutionLoss):
    """mean over windows of |E - Y| / |Y| + mean |log10 E - log10 Y|; 0 at equality.

    The first is a ratio of norms over all bins and channels. Silent sources are left out.
    """

    leaves_out_silence: ClassVar[bool] = True

    def at(self, n_fft: int, estimates: Tensor, sources: Tensor) -> Tensor:
        E, Y = Stft(n_fft, n_fft // 4).magnitudes(estimates, sources)  # (B, S, C, F, N) each
        error, size = (vector_norm(each, dim=(2, 3, 4)) for each in (E - Y, Y))  # (B, S)
        logs = ((E + FLOOR).log10() - (Y + FLOOR).log10()).abs().mean((2, 3, 4))  # (B, S)
        return error / size.clamp_min(FLOOR) + logs
