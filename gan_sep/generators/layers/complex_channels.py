"""Spectrograms with real and imaginary part as channels, of as many frames as hops in the signal.

The STFT of Hybrid Demucs: frames of n_fft, hop n_fft / 4, reflection at the ends, scaled by
1 / sqrt(n_fft), without the highest bin. Its frames are those of a strided convolution.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_SPARE = 2  # frames at either end that only the reflected ends reach


def spectrogram(signal: Tensor, n_fft: int) -> Tensor:
    """signal (B, C, T), T >= 1 -> (B, 2 C, n_fft / 2, ceil(T / hop)), hop = n_fft / 4.

    Channels: real and imaginary part of the first, real and imaginary part of the second, ...
    Half precision is raised to float32.
    """
    if signal.dtype in (torch.float16, torch.bfloat16):
        signal = signal.float()
    hop, C, T = n_fft // 4, *signal.shape[-2:]
    frames = math.ceil(T / hop)
    margin = hop // 2 * 3
    padded = reflect(signal, margin, margin + frames * hop - T)
    spectrum = torch.stft(
        padded.flatten(0, 1), n_fft, hop, window=_window(n_fft, signal), normalized=True,
        center=True, pad_mode="reflect", return_complex=True,
    )  # (B * C, n_fft / 2 + 1, frames + 4)  # fmt: skip
    spectrum = spectrum[:, :-1, _SPARE : _SPARE + frames].unflatten(0, (-1, C))  # (B, C, F, N)
    return torch.view_as_real(spectrum).movedim(-1, 2).flatten(1, 2)  # (B, 2 C, F, N)


def waveform(channels: Tensor, num_samples: int) -> Tensor:
    """(B, 2 C, F, N) -> the signal (B, C, num_samples) whose `spectrogram` is nearest to it."""
    if channels.dtype in (torch.float16, torch.bfloat16):
        channels = channels.float()
    n_fft, C = 2 * channels.shape[2], channels.shape[1] // 2
    hop = n_fft // 4
    parts = channels.unflatten(1, (C, 2)).movedim(2, -1)  # (B, C, F, N, 2)
    spectrum = torch.view_as_complex(parts.contiguous()).flatten(0, 1)  # (B * C, F, N)
    spectrum = F.pad(spectrum, (_SPARE, _SPARE, 0, 1))
    margin = hop // 2 * 3
    length = math.ceil(num_samples / hop) * hop + 2 * margin
    signal = torch.istft(
        spectrum, n_fft, hop, window=_window(n_fft, channels), normalized=True, center=True,
        length=length,
    )  # fmt: skip
    return signal[:, margin : margin + num_samples].unflatten(0, (-1, C))  # (B, C, T)


def reflect(signal: Tensor, left: int, right: int) -> Tensor:
    """(..., T) reflected at both ends; a signal too short for it is first extended by zeros.

    The zeros come on the right, and on the left as far as `right` samples are not enough.
    """
    missing = max(left, right) - signal.shape[-1] + 1
    if missing > 0:
        zeros_right = min(right, missing)
        zeros_left = missing - zeros_right
        signal = F.pad(signal, (zeros_left, zeros_right))
        left, right = left - zeros_left, right - zeros_right
    return F.pad(signal, (left, right), mode="reflect")


def _window(n_fft: int, like: Tensor) -> Tensor:
    return torch.hann_window(n_fft, dtype=like.dtype, device=like.device)
