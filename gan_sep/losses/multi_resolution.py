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

from torch import Tensor

from gan_sep.losses.layers.magnitudes import MultiResolutionLoss
from gan_sep.spectra import decibels, power_spectrogram


@dataclass(frozen=True)
class Config(MultiResolutionLoss):
    """Mean absolute difference of log spectrograms, which end 80 dB below a full sine."""

    n_ffts: tuple[int, ...] = (256, 512, 1024, 2048)  # windows in samples; hops are a quarter

    def at(self, n_fft: int, estimates: Tensor, sources: Tensor) -> Tensor:
        """In dB."""
        E, Y = (
            decibels(power_spectrogram(each, n_fft, n_fft // 4)) for each in (estimates, sources)
        )
        return (E - Y).abs().mean((2, 3, 4))  # (B, S, C, F, N) -> (B, S)
