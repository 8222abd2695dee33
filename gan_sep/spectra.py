"""Spectrograms: an STFT / iSTFT pair of exact length, and decibels that can be differentiated.

Every function works on any leading axes (...), in float32 or float64; half precision is raised to
float32, because no FFT is worth its bits below that.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

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
    spectrum: Tensor = _Spectrum.apply(_padded(signal, n_fft, hop), n_fft, hop)  # (..., N, F)
    return spectrum.transpose(-1, -2)  # (..., F, N)


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
        window=_window(n_fft, spectrum.real),
        center=True,
        length=padded,
    )
    return signal.reshape(*spectrum.shape[:-2], padded)[..., :num_samples]  # (..., T)


def power_spectrogram(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """Power (..., F, N) of signal (..., T); a sine of amplitude 1 peaks at 1, which is 0 dB.

    The squared magnitude of `stft`, scaled, with gradients at less than half the price.
    """
    power: Tensor = _Power.apply(_padded(signal, n_fft, hop), n_fft, hop)  # (..., N, F)
    return power.transpose(-1, -2)  # (..., F, N)


def decibels(power: Tensor, floor_db: float = -80.0) -> Tensor:
    """Power -> dB of the magnitude, 10 log10(power + floor): never below floor_db.

    The floor is added, not clamped, and no square root is taken: on digital silence the gradient
    with respect to the signal is exactly zero, and finite everywhere.
    """
    return 10 * torch.log10(power + 10 ** (floor_db / 10))


class _Spectrum(torch.autograd.Function):
    """Frames, window and transform of a padded signal: (..., T) -> complex (..., N, F).

    Linear, and so is its gradient, which can be differentiated again; cheap as that of `_Power`.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, n_fft: int, hop: int) -> Tensor:
        ctx.sizes = n_fft, hop, padded.shape[-1]
        return torch.fft.rfft(padded.unfold(-1, n_fft, hop) * _window(n_fft, padded))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        n_fft, hop, num_samples = ctx.sizes
        parts = gradient.clone()  # (..., N, F)
        # The inverse transform counts every frequency twice, but the first and the last once.
        parts[..., :1] *= 2
        parts[..., -1:] *= 2
        frames = torch.fft.irfft(parts, n_fft, norm="forward")  # (..., N, n_fft)
        frames = frames * (_window(n_fft, frames) / 2)
        return _overlap_add(frames, hop, num_samples), None, None


class _Power(torch.autograd.Function):
    """Frames, window, transform and squared magnitude of a padded signal: (..., T) -> (..., N, F).

    In a discriminator of spectrograms torch's own gradients of these would be the dearest
    operations of all: they fill the spectrum up to its negative frequencies for a complex
    transform, and pass over every frame a dozen times. This one takes the real inverse transform.
    It can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, n_fft: int, hop: int) -> Tensor:
        ctx.sizes = n_fft, hop
        spectrum = _spectrum(padded, n_fft, hop)  # (..., N, F)
        ctx.save_for_backward(padded)
        # Not a saved tensor: autograd would take it for a result without history.
        ctx.spectrum = spectrum if ctx.needs_input_grad[0] else None
        return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (padded,) = ctx.saved_tensors
        n_fft, hop = ctx.sizes
        again = torch.is_grad_enabled()  # a gradient of this gradient is wanted
        spectrum = _spectrum(padded, n_fft, hop) if again else ctx.spectrum  # (..., N, F)
        parts = torch.view_as_real(spectrum) * gradient.unsqueeze(-1)  # (..., N, F, 2)
        # d|X|^2 = 2 Re(X* dX), summed over the F frequencies. The inverse transform counts every
        # one twice, but the first and the last once.
        parts[..., :1, :] *= 2
        parts[..., -1:, :] *= 2
        frames = torch.fft.irfft(torch.view_as_complex(parts), norm="forward")  # (..., N, n_fft)
        frames *= _amplitude_window(n_fft, frames)
        return _overlap_add(frames, hop, padded.shape[-1]), None, None


def _spectrum(padded: Tensor, n_fft: int, hop: int) -> Tensor:
    """Scaled so that a sine of amplitude 1 has magnitude 1: (..., T) -> complex (..., N, F)."""
    return torch.fft.rfft(padded.unfold(-1, n_fft, hop) * _amplitude_window(n_fft, padded))


def _amplitude_window(n_fft: int, like: Tensor) -> Tensor:
    # A sine of amplitude 1 shares the window's sum, n_fft / 2, between its two frequencies.
    return _window(n_fft, like) * (4 / n_fft)


def _overlap_add(frames: Tensor, hop: int, num_samples: int) -> Tensor:
    """The transpose of `unfold`: frames (..., N, n_fft) -> (..., T) with T = num_samples."""
    N, n_fft = frames.shape[-2:]
    frames = F.pad(frames, (0, -n_fft % hop))  # whole hops
    hops = frames.unflatten(-1, (-1, hop)).unbind(-2)  # (..., N, hop), one for each hop of a frame
    total = frames.new_zeros(*frames.shape[:-2], N + len(hops) - 1, hop)
    for index, part in enumerate(hops):
        total[..., index : index + N, :] += part
    return total.flatten(-2)[..., :num_samples]  # (..., T)


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


def _window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, dtype=like.dtype, device=like.device)
