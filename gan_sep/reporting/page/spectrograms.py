"""Spectrograms as small images."""

import io

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

RANGE_DB = 70.0
LOWEST_HZ = 30.0

_WIDTH, _HEIGHT = 360, 112
_WINDOW_SECONDS = 0.046
_QUALITY = 60
_QUIETEST = 1e-20


def mel_decibels(signal: Tensor, sample_rate: int) -> NDArray[np.float32]:
    """Mel spectrogram of (C, T), power summed over channels, in dB of its own unit: (112, N).

    Windows of 46 ms, about 360 of them; from 30 Hz to half the sample rate.
    """
    window = round(_WINDOW_SECONDS * sample_rate)
    power: Tensor = MelSpectrogram(
        sample_rate,
        # Long enough that even the lowest bands hold a bin.
        n_fft=2 ** int(window * 4 - 1).bit_length(),
        win_length=window,
        hop_length=max(1, signal.shape[-1] // _WIDTH),
        f_min=LOWEST_HZ,
        n_mels=_HEIGHT,
        norm="slaney",
    )(signal).sum(0)  # (112, N)
    decibels: NDArray[np.float32] = 10 * np.log10(power.numpy() + _QUIETEST)
    return decibels


def spectrogram_image(decibels: NDArray[np.float32], loudest: float) -> bytes:
    """What `mel_decibels` gives as WebP, low frequencies below: from 70 dB below `loudest` up."""
    buffer = io.BytesIO()
    imsave(
        buffer,
        decibels,
        vmin=loudest - RANGE_DB,
        vmax=loudest,
        cmap="magma",
        origin="lower",
        format="webp",
        pil_kwargs={"quality": _QUALITY},
    )
    return buffer.getvalue()
