"""Spectrograms with real and imaginary part as channels, of as many frames as hops in the signal.

The STFT of Hybrid Demucs: frames of n_fft, hop n_fft / 4, reflection at the ends, scaled by
1 / sqrt(n_fft), without the highest bin. Its frames are those of a strided convolution.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def spectrogram(signal: Tensor, n_fft: int) -> Tensor:
    """signal (B, C, T), T >= 1 -> (B, n_fft / 2, ceil(T / hop), 2 C), hop = n_fft / 4.

    Channels: real and imaginary part of the first, real and imaginary part of the second, ...
    Half precision is raised to float32.
    """
    if signal.dtype in (torch.float16, torch.bfloat16):
        signal = signal.float()
    hop, T = n_fft // 4, signal.shape[-1]
    margin = hop // 2 * 3
    padded = reflect(signal, margin, n_fft - hop - margin + math.ceil(T / hop) * hop - T)
    frames = padded.unfold(2, n_fft, hop) * _window(n_fft, signal)  # (B, C, N, n_fft)
    spectrum = torch.fft.rfft(frames, norm="ortho")[..., :-1]  # (B, C, N, F)
    return torch.view_as_real(spectrum.permute(0, 3, 2, 1).contiguous()).flatten(3)


def waveform(channels: Tensor, num_samples: int) -> Tensor:
    """(B, F, N, 2 C) -> the signal (B, C, num_samples) whose `spectrogram` is nearest to it."""
    if channels.dtype in (torch.float16, torch.bfloat16):
        channels = channels.float()
    n_fft = 2 * channels.shape[1]
    hop = n_fft // 4
    parts = channels.contiguous().unflatten(3, (-1, 2))  # (B, F, N, C, 2)
    spectrum = F.pad(torch.view_as_complex(parts).permute(0, 3, 2, 1), (0, 1))  # (B, C, N, F + 1)
    # At each sample that is kept, the squared windows of its four frames sum to 3 / 2.
    frames = torch.fft.irfft(spectrum, norm="ortho") * (_window(n_fft, channels) / 1.5)
    quarters = frames.unflatten(3, (4, hop)).unbind(3)  # (B, C, N, hop) each
    shifted = [F.pad(quarter, (0, 0, n, 3 - n)) for n, quarter in enumerate(quarters)]
    signal = torch.stack(shifted).sum(0).flatten(2)  # (B, C, (N + 3) hop)
    margin = hop // 2 * 3
    return signal[..., margin : margin + num_samples]


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
