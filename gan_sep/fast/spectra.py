"""Spectra under a periodic Hann window, with gradients at less than half the price.

All take the frames of a signal (..., T) that ends with the last of them, in float32 or float64, and
give (..., F, N). In a discriminator of spectrograms torch's own gradients would be the dearest
operations of all: they fill the spectrum up to its negative frequencies for a complex transform,
and pass over every frame a dozen times. These take the real inverse transform, and can be
differentiated again.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_AT_ONCE = 2**19  # samples of frames that are transformed at once on a CPU
_TINY = 1e-18  # a magnitude whose square is 0 in single precision


def plain_spectrum(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """The unscaled transform, complex."""
    flat, window = signal.reshape(-1, signal.shape[-1]), hann_window(n_fft, signal)
    frames = torch.stft(flat, n_fft, hop, window=window, center=False, return_complex=True)
    return frames.reshape(*signal.shape[:-1], *frames.shape[1:])


def plain_power(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    """The squared magnitude; a sine of amplitude 1 peaks at 1."""
    return (4 / n_fft * plain_spectrum(signal, n_fft, hop)).abs().square()


def plain_magnitude(signal: Tensor, n_fft: int, hop: int, scale: float) -> Tensor:
    """The magnitude times a scale."""
    return scale * plain_spectrum(signal, n_fft, hop).abs()


def plain_absolute(spectrum: Tensor) -> Tensor:
    """The magnitude of a complex spectrum of any shape, without gradients."""
    return spectrum.detach().abs()


def plain_overlap_add(frames: Tensor, hop: int, num_samples: int) -> Tensor:
    """The transpose of `unfold`: frames (..., N, n_fft) -> (..., T) with T = num_samples."""
    N, n_fft = frames.shape[-2:]
    columns, length = frames.reshape(-1, N, n_fft).mT, (N - 1) * hop + n_fft
    total = F.fold(columns, (1, length), (1, n_fft), stride=(1, hop))  # (..., 1, 1, length)
    return total[..., :num_samples].reshape(*frames.shape[:-2], num_samples)


def spectrum(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    frames: Tensor = _Spectrum.apply(signal, n_fft, hop)  # (..., N, F)
    return frames.mT


def power(signal: Tensor, n_fft: int, hop: int) -> Tensor:
    frames: Tensor = _Power.apply(signal, n_fft, hop)  # (..., N, F)
    return frames.mT


def magnitude(signal: Tensor, n_fft: int, hop: int, scale: float) -> Tensor:
    frames: Tensor = _Magnitude.apply(signal, n_fft, hop, scale)  # (..., N, F)
    return frames.mT


def absolute(spectrum: Tensor) -> Tensor:
    return _squared(spectrum.detach()).sqrt_()


def hann_window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, dtype=like.dtype, device=like.device)


def overlap_add(frames: Tensor, hop: int, num_samples: int) -> Tensor:
    N, n_fft = frames.shape[-2:]
    if n_fft % hop:
        frames = F.pad(frames, (0, -n_fft % hop))  # whole hops
    hops = frames.unflatten(-1, (-1, hop)).unbind(-2)  # (..., N, hop), one for each hop of a frame
    total = frames.new_zeros(*frames.shape[:-2], N + len(hops) - 1, hop)
    for index, part in enumerate(hops):
        total[..., index : index + N, :] += part
    return total.flatten(-2)[..., :num_samples]  # (..., T)


class _Spectrum(torch.autograd.Function):
    """(..., T) -> complex (..., N, F): linear, and so is its gradient."""

    @staticmethod
    def forward(ctx: Any, signal: Tensor, n_fft: int, hop: int) -> Tensor:
        ctx.sizes = n_fft, hop, signal.shape[-1]
        return _transformed(signal, n_fft, hop)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _signal_gradient(gradient.clone(), *ctx.sizes), None, None


class _Power(torch.autograd.Function):
    """(..., T) -> (..., N, F)."""

    @staticmethod
    def forward(ctx: Any, signal: Tensor, n_fft: int, hop: int) -> Tensor:
        ctx.sizes = n_fft, hop, 4 / n_fft
        frames = _transformed(signal, *ctx.sizes)  # (..., N, F)
        # Not a saved tensor: autograd would take it for a result without history.
        ctx.spectrum = frames if ctx.needs_input_grad[0] else None
        ctx.save_for_backward(signal)
        return _squared(frames)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (signal,) = ctx.saved_tensors
        n_fft, hop, scale = ctx.sizes
        # d|X|^2 = 2 Re(X* dX)
        parts = _scaled(ctx, signal, gradient)  # (..., N, F)
        return _signal_gradient(parts, n_fft, hop, signal.shape[-1], 2 * scale), None, None


class _Magnitude(torch.autograd.Function):
    """(..., T) -> (..., N, F); torch's own `abs` of complex numbers outlasts the transform."""

    @staticmethod
    def forward(ctx: Any, signal: Tensor, n_fft: int, hop: int, scale: float) -> Tensor:
        ctx.sizes = n_fft, hop, scale
        frames = _transformed(signal, *ctx.sizes)  # (..., N, F)
        ctx.spectrum = frames if ctx.needs_input_grad[0] else None
        magnitudes = absolute(frames)
        ctx.save_for_backward(signal, magnitudes)
        return magnitudes

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        signal, magnitudes = ctx.saved_tensors
        n_fft, hop, scale = ctx.sizes
        # d|X| = Re(X* dX) / |X|, and 0 where |X| is
        parts = _scaled(ctx, signal, gradient / magnitudes.clamp_min(_TINY))  # (..., N, F)
        return _signal_gradient(parts, n_fft, hop, signal.shape[-1], scale), None, None, None


def _squared(spectrum: Tensor) -> Tensor:
    """|X|^2, several times as fast as by `abs`."""
    return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)


def _scaled(ctx: Any, signal: Tensor, factors: Tensor) -> Tensor:
    """The spectrum that ctx has kept, times real factors in its place; made anew if it is gone."""
    kept, ctx.spectrum = ctx.spectrum, None
    if torch.is_grad_enabled():  # a gradient of this gradient is wanted
        return _transformed(signal, *ctx.sizes) * factors
    frames: Tensor = _transformed(signal, *ctx.sizes) if kept is None else kept
    frames.real.mul_(factors)
    frames.imag.mul_(factors)
    return frames


def _transformed(signal: Tensor, n_fft: int, hop: int, scale: float = 1.0) -> Tensor:
    """(..., T) -> complex (..., N, F)."""
    window = hann_window(n_fft, signal) * scale
    frames = signal.unfold(-1, n_fft, hop)  # (..., N, n_fft)
    if signal.device.type != "cpu" or torch.is_grad_enabled():
        return torch.fft.rfft(frames * window)
    # A few stay in the cache; fresh memory for all windowed frames takes longer than their FFTs.
    found = frames.new_empty(*frames.shape[:-1], n_fft // 2 + 1, dtype=frames.dtype.to_complex())
    some = max(1, frames.shape[-2] * _AT_ONCE // max(1, frames.numel()))
    for part, result in zip(frames.split(some, -2), found.split(some, -2), strict=True):
        result.copy_(torch.fft.rfft(part * window))
    return found


def _signal_gradient(
    parts: Tensor, n_fft: int, hop: int, num_samples: int, scale: float = 1.0
) -> Tensor:
    """The adjoint of `_transformed`: complex (..., N, F), which is overwritten -> (..., T)."""
    # The inverse transform counts every frequency twice, but the first and the last once.
    parts[..., :1] *= 2
    parts[..., -1:] *= 2
    frames = torch.fft.irfft(parts, n_fft, norm="forward")  # (..., N, n_fft)
    frames *= hann_window(n_fft, frames) * (scale / 2)
    return overlap_add(frames, hop, num_samples)
