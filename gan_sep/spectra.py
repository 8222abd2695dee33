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
_TINY = 1e-18  # a magnitude whose square is 0 in single precision


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


def magnitude_spectrogram(signal: Tensor, n_fft: int, hop: int, scale: float = 1.0) -> Tensor:
    """Magnitude (..., F, N) of `stft` times a scale, of signal (..., T).

    `abs` of that with cheaper gradients, which are 0 where the magnitude is.
    """
    padded = _padded(signal, n_fft, hop)
    magnitude: Tensor = _Magnitude.apply(padded, n_fft, hop, scale)  # (..., N, F)
    return magnitude.transpose(-1, -2)  # (..., F, N)


def absolute(spectrum: Tensor) -> Tensor:
    """Magnitudes of a complex spectrum of any shape, several times as fast as torch's `abs`.

    Without gradients, which `magnitude_spectrogram` has.
    """
    return _squared(spectrum.detach()).sqrt_()


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
        return _transformed(padded, n_fft, hop)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _signal_gradient(gradient.clone(), *ctx.sizes), None, None


class _Power(torch.autograd.Function):
    """Frames, window, transform and squared magnitude of a padded signal: (..., T) -> (..., N, F).

    In a discriminator of spectrograms torch's own gradients of these would be the dearest
    operations of all: they fill the spectrum up to its negative frequencies for a complex
    transform, and pass over every frame a dozen times. This one takes the real inverse transform.
    It can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, n_fft: int, hop: int) -> Tensor:
        ctx.sizes = n_fft, hop, _sine_scale(n_fft)
        spectrum = _transformed(padded, *ctx.sizes)  # (..., N, F)
        # Not a saved tensor: autograd would take it for a result without history.
        ctx.spectrum = spectrum if ctx.needs_input_grad[0] else None
        ctx.save_for_backward(padded)
        return _squared(spectrum)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (padded,) = ctx.saved_tensors
        n_fft, hop, scale = ctx.sizes
        # d|X|^2 = 2 Re(X* dX)
        parts = _scaled(ctx, padded, gradient)  # (..., N, F)
        return _signal_gradient(parts, n_fft, hop, padded.shape[-1], 2 * scale), None, None


class _Magnitude(torch.autograd.Function):
    """Frames, window, transform and magnitude of a padded signal: (..., T) -> (..., N, F).

    As `_Power`, for losses; torch's own `abs` of complex numbers takes longer than the transform.
    It can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, n_fft: int, hop: int, scale: float) -> Tensor:
        ctx.sizes = n_fft, hop, scale
        spectrum = _transformed(padded, *ctx.sizes)  # (..., N, F)
        ctx.spectrum = spectrum if ctx.needs_input_grad[0] else None
        magnitude = absolute(spectrum)
        ctx.save_for_backward(padded, magnitude)
        return magnitude

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        padded, magnitude = ctx.saved_tensors
        n_fft, hop, scale = ctx.sizes
        # d|X| = Re(X* dX) / |X|, and 0 where |X| is
        parts = _scaled(ctx, padded, gradient / magnitude.clamp_min(_TINY))  # (..., N, F)
        return _signal_gradient(parts, n_fft, hop, padded.shape[-1], scale), None, None, None


def _squared(spectrum: Tensor) -> Tensor:
    """|X|^2, several times as fast as by `abs`."""
    return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)


def _scaled(ctx: Any, padded: Tensor, factors: Tensor) -> Tensor:
    """The spectrum that ctx has kept, times real factors in its place; made anew if it is gone."""
    kept, ctx.spectrum = ctx.spectrum, None
    if torch.is_grad_enabled():  # a gradient of this gradient is wanted
        return _transformed(padded, *ctx.sizes) * factors
    spectrum: Tensor = _transformed(padded, *ctx.sizes) if kept is None else kept
    spectrum.real.mul_(factors)
    spectrum.imag.mul_(factors)
    return spectrum


def _transformed(padded: Tensor, n_fft: int, hop: int, scale: float = 1.0) -> Tensor:
    """(..., T) -> complex (..., N, F)."""
    return torch.fft.rfft(padded.unfold(-1, n_fft, hop) * (_window(n_fft, padded) * scale))


def _signal_gradient(
    parts: Tensor, n_fft: int, hop: int, num_samples: int, scale: float = 1.0
) -> Tensor:
    """The adjoint of `_transformed`: complex (..., N, F), which is overwritten -> (..., T)."""
    # The inverse transform counts every frequency twice, but the first and the last once.
    parts[..., :1] *= 2
    parts[..., -1:] *= 2
    frames = torch.fft.irfft(parts, n_fft, norm="forward")  # (..., N, n_fft)
    frames *= _window(n_fft, frames) * (scale / 2)
    return overlap_add(frames, hop, num_samples)


def _sine_scale(n_fft: int) -> float:
    """With it a sine of amplitude 1 has magnitude 1.

    It shares the window's sum, n_fft / 2, between its two frequencies.
    """
    return 4 / n_fft


def overlap_add(frames: Tensor, hop: int, num_samples: int) -> Tensor:
    """The transpose of `unfold`: frames (..., N, n_fft) -> (..., T) with T = num_samples."""
    N, n_fft = frames.shape[-2:]
    if n_fft % hop:
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
