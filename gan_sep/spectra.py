"""Spectrograms: an STFT / iSTFT pair of exact length, and decibels that can be differentiated.

Every function works on any leading axes (...), in float32 or float64; half precision is raised to
float32, because no FFT is worth its bits below that.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_sep.fast import spectra as fast

_HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Stft:
    """Window and hop of a short-time Fourier transform, as generators and losses choose them.

    Raises ValueError where no signal could be restored from such frames, naming the field.
    """

    n_fft: int = 4096  # window in samples, an even number
    hop: int = 1024  # samples from one frame to the next, at most half a window

    def __post_init__(self) -> None:
        if self.n_fft < 4 or self.n_fft % 2:
            raise ValueError(f"n_fft: expected an even number of at least 4, got {self.n_fft}")
        if not 1 <= self.hop <= self.n_fft // 2:
            raise ValueError(f"hop: expected 1 to n_fft / 2 = {self.n_fft // 2}, got {self.hop}")

    @property
    def bins(self) -> int:
        """Frequencies of a frame."""
        return self.n_fft // 2 + 1


def stft(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Short-time Fourier transform with a periodic Hann window, unscaled.

    signal: (..., T) of any T >= 1 -> complex (..., F, N) with F = n_fft // 2 + 1 and
    N = 1 + ceil(T / hop); frame n is centred on sample n * hop, and the signal is silent outside.
    Raises ValueError where hop exceeds n_fft / 2: `istft` could not restore every sample.
    """
    return fast.spectrum(_padded(signal, n_fft, hop), n_fft, hop)


def istft(spectrum: Tensor, hop: int, num_samples: int) -> Tensor:
    """The signal (..., T) of T = num_samples whose `stft` is nearest to spectrum (..., F, N).

    `istft(stft(x, n_fft, hop), hop, T)` is x.
    Raises ValueError where N is not the number of frames that T samples make.
    """
    n_fft = 2 * (spectrum.shape[-2] - 1)
    Stft(n_fft, hop)
    padded = num_samples + -num_samples % hop
    if spectrum.shape[-1] != 1 + padded // hop:
        raise ValueError(
            f"istft: {num_samples} samples at hop {hop} make {1 + padded // hop} frames, "
            f"got {spectrum.shape[-1]}; pass the hop and length that `stft` was given"
        )
    signal = torch.istft(
        spectrum.reshape(-1, *spectrum.shape[-2:]),
        n_fft,
        hop,
        window=fast.hann_window(n_fft, spectrum.real),
        center=True,
        length=padded,
    )
    return signal.reshape(*spectrum.shape[:-2], padded)[..., :num_samples]  # (..., T)


def power_spectrogram(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power (..., F, N) of signal (..., T); a sine of amplitude 1 peaks at 1, which is 0 dB.

    The squared magnitude of `stft`, scaled, with gradients at less than half the price.
    """
    return fast.power(_padded(signal, n_fft, hop), n_fft, hop)


def magnitude_spectrogram(signal: Tensor, n_fft: int, hop: int, scale: float = 1.0) -> Tensor:
    """Magnitude (..., F, N) of `stft` times a scale, of signal (..., T).

    `abs` of that with cheaper gradients, which are 0 where the magnitude is.
    """
    return fast.magnitude(_padded(signal, n_fft, hop), n_fft, hop, scale)


def decibels(power: Tensor, floor_db: float = -80.0) -> Tensor:
    """Power -> dB of the magnitude, 10 log10(power + floor): never below floor_db.

    The floor is added, not clamped, and no square root is taken: on digital silence the gradient
    with respect to the signal is exactly zero, and finite everywhere.
    """
    return 10 * torch.log10(power + 10 ** (floor_db / 10))


def _padded(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Silence around a signal, for frames centred on every hop: (..., T) -> (..., T')."""
    Stft(n_fft, hop)
    if signal.shape[-1] < 1:
        raise ValueError(f"stft: expected at least one sample, got shape {tuple(signal.shape)}")
    if signal.dtype in _HALF:
        signal = signal.float()
    # Whole hops: without them the last samples would lie where the last window is almost zero.
    rest = -signal.shape[-1] % hop
    return F.pad(signal, (n_fft // 2, n_fft // 2 + rest))
