"""Spectrograms: an STFT / iSTFT pair of exact length, and decibels that can be differentiated.

Every function works on any leading axes (...), in float32 or float64; half precision is raised to
float32, because no FFT is worth its bits below that.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def stft(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Short-time Fourier transform with a periodic Hann window, unscaled.

    signal: (..., T) of any T >= 1 -> complex (..., F, N) with F = n_fft // 2 + 1 and
    N = 1 + ceil(T / hop); frame n is centred on sample n * hop, and the signal is silent outside.
    Raises ValueError where hop exceeds n_fft / 2: `istft` could not restore every sample.
    """
    _check_frames(n_fft, hop)
    if signal.shape[-1] < 1:
        raise ValueError(f"stft: expected at least one sample, got shape {tuple(signal.shape)}")
    if signal.dtype in _HALF:
        signal = signal.float()
    # Whole hops: without them the last samples would lie where the last window is almost zero.
    rest = -signal.shape[-1] % hop
    padded = F.pad(signal, (n_fft // 2, n_fft // 2 + rest))
    frames = padded.unfold(-1, n_fft, hop) * _window(n_fft, padded)  # (..., N, n_fft)
    spectrum: Tensor = _RealFourier.apply(frames)  # (..., N, F)
    return spectrum.transpose(-1, -2)  # (..., F, N)


def istft(spectrum: Tensor, hop: int, num_samples: int) -> Tensor:
    """The signal (..., T) of T = num_samples whose `stft` is nearest to spectrum (..., F, N).

    `istft(stft(x, n_fft, hop), hop, T)` is x.
    Raises ValueError where N is not the number of frames that T samples make.
    """
    n_fft = 2 * (spectrum.shape[-2] - 1)
    _check_frames(n_fft, hop)
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
        window=_window(n_fft, spectrum.real),
        center=True,
        length=padded,
    )
    return signal.reshape(*spectrum.shape[:-2], padded)[..., :num_samples]  # (..., T)


def power_spectrogram(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power (..., F, N) of signal (..., T); a sine of amplitude 1 peaks at 1, which is 0 dB."""
    spectrum = stft(signal, n_fft, hop)  # (..., F, N)
    # The parts' squares, not the square of abs: quicker, and smooth at zero.
    power = spectrum.real.square() + spectrum.imag.square()
    # A sine of amplitude 1 shares the window's sum, n_fft / 2, between its two frequencies.
    return power * (4 / n_fft) ** 2


def decibels(power: Tensor, floor_db: float = -80.0) -> Tensor:
    """Power -> dB of the magnitude, 10 log10(power + floor): never below floor_db.

    The floor is added, not clamped, and no square root is taken: on digital silence the gradient
    with respect to the signal is exactly zero, and finite everywhere.
    """
    return 10 * torch.log10(power + 10 ** (floor_db / 10))


class _RealFourier(torch.autograd.Function):
    """`torch.fft.rfft` of an even number of samples, with a backward pass of half the cost.

    torch's own fills the spectrum up to its negative frequencies and runs a complex transform; in a
    discriminator of spectrograms that would be the dearest operation of all. This one is the real
    inverse transform, and can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        return torch.fft.rfft(frames)  # (..., n) -> (..., F)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # The inverse transform counts every frequency twice but the first and the last.
        share = torch.full_like(gradient.real[..., :1, :], 0.5)  # (..., 1, F)
        share[..., 0] = share[..., -1] = 1.0
        return torch.fft.irfft(gradient * share, norm="forward")  # (..., n)


def _window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, dtype=like.dtype, device=like.device)


def _check_frames(n_fft: int, hop: int) -> None:
    if n_fft < 4 or n_fft % 2:
        raise ValueError(f"n_fft: expected an even number of at least 4 samples, got {n_fft}")
    if not 1 <= hop <= n_fft // 2:
        raise ValueError(f"hop: expected 1 to n_fft / 2 = {n_fft // 2} samples, got {hop}")
