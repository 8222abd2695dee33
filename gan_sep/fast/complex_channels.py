"""Spectrograms with real and imaginary part as channels, of as many frames as hops in the signal.

The STFT of Hybrid Demucs: frames of n_fft, hop n_fft / 4, reflection at the ends, scaled by
1 / sqrt(n_fft), without the highest bin. Its frames are those of a strided convolution.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_sep.fast.spectra import hann_window, overlap_add


def plain_spectrogram(signal: Tensor, n_fft: int) -> Tensor:
    """signal (B, C, T), T >= 1 -> (B, n_fft / 2, ceil(T / hop), 2 C), hop = n_fft / 4.

    Channels: real and imaginary part of the first, real and imaginary part of the second, ...
    """
    padded, window = _reflected(signal, n_fft).flatten(0, 1), hann_window(n_fft, signal)
    spectra = torch.stft(
        padded, n_fft, n_fft // 4, window=window, center=False, normalized=True, return_complex=True
    )
    parts = torch.view_as_real(spectra[:, :-1]).unflatten(0, signal.shape[:2])  # (B, C, F, N, 2)
    return parts.permute(0, 2, 3, 1, 4).flatten(3)


def plain_waveform(channels: Tensor, num_samples: int) -> Tensor:
    """(B, F, N, 2 C) -> the signal (B, C, num_samples) whose `spectrogram` is nearest to it."""
    B, bins, N, _ = channels.shape
    parts = torch.view_as_complex(channels.unflatten(3, (-1, 2)).contiguous())  # (B, F, N, C)
    spectra = parts.permute(0, 3, 1, 2).flatten(0, 1)  # (B * C, F, N)
    # The highest bin, and two silent frames at either end.
    spectra, window = F.pad(spectra, (2, 2, 0, 1)), hann_window(2 * bins, channels)
    hop, margin, length = bins // 2, bins // 4 * 3, (N + 3) * bins // 2
    padded = torch.istft(spectra, 2 * bins, hop, window=window, normalized=True, length=length)
    return padded[:, margin : margin + num_samples].unflatten(0, (B, -1))


def spectrogram(signal: Tensor, n_fft: int) -> Tensor:
    signal = _in_full(signal)
    return _transformed(_reflected(signal, n_fft), hann_window(n_fft, signal))


def waveform(channels: Tensor, num_samples: int) -> Tensor:
    channels = _in_full(channels)
    n_fft = 2 * channels.shape[1]
    signal: Tensor = _Waveform.apply(channels, hann_window(n_fft, channels) / 1.5)
    margin = n_fft // 8 * 3
    return signal[..., margin : margin + num_samples]


class _Waveform(torch.autograd.Function):
    """Inverse transform, window and overlap-add: (B, F, N, 2 C), (2 F,) -> (B, C, (N + 3) F / 2).

    With the window of the transform over 3 / 2 it is the inverse, for at each sample that is kept
    the squared windows of its four frames sum to that. Its gradient is written out because
    torch's own copies the spectrum again and again.
    """

    @staticmethod
    def forward(ctx: Any, channels: Tensor, window: Tensor) -> Tensor:
        ctx.save_for_backward(window)
        parts = torch.view_as_complex(channels.contiguous().unflatten(3, (-1, 2)))  # (B, F, N, C)
        B, F, N, C = parts.shape
        spectrum = parts.new_zeros(B, C, N, F + 1)
        spectrum[..., :-1] = parts.permute(0, 3, 2, 1)
        frames = torch.fft.irfft(spectrum, norm="ortho").mul_(window)  # (B, C, N, n_fft)
        return overlap_add(frames, F // 2, (N + 3) * F // 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (window,) = ctx.saved_tensors
        channels = _transformed(gradient, 2 * window)
        channels[:, 0] /= 2  # the inverse transform counts all frequencies twice but this one
        return channels, None


def _transformed(padded: Tensor, window: Tensor) -> Tensor:
    """The frames' spectra (B, F, N, 2 C) of (B, C, T), without the highest bin."""
    n_fft = len(window)
    frames = padded.unfold(2, n_fft, n_fft // 4) * window  # (B, C, N, n_fft)
    spectrum = torch.fft.rfft(frames, norm="ortho")[..., :-1]  # (B, C, N, F)
    return torch.view_as_real(spectrum.permute(0, 3, 2, 1).contiguous()).flatten(3)


def _in_full(signal: Tensor) -> Tensor:
    """Half precision raised to float32."""
    return signal.float() if signal.dtype in (torch.float16, torch.bfloat16) else signal


def _reflected(signal: Tensor, n_fft: int) -> Tensor:
    """(B, C, T) extended for all frames, by reflection.

    A signal too short for it is first extended by zeros, on the right, and on the left as far as
    these are not enough.
    """
    hop, T = n_fft // 4, signal.shape[-1]
    left = hop // 2 * 3
    right = n_fft - hop - left + math.ceil(T / hop) * hop - T
    missing = max(left, right) - T + 1
    if missing > 0:
        zeros_right = min(right, missing)
        zeros_left = missing - zeros_right
        signal = F.pad(signal, (zeros_left, zeros_right))
        left, right = left - zeros_left, right - zeros_right
    return F.pad(signal, (left, right), mode="reflect")
