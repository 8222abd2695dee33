"""Correlations of delayed signals, what BSSEval's least-squares filters are solved from.

Two ways to the same numbers: `quick_correlations` is as right as float64 allows and as quick as can
be; `museval_correlations` repeats museval's operations and with them its rounding errors.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft
import torch
from torch import Tensor
from torch.nn import functional as F

FILTER_LENGTH = 512

# The quick correlations are summed over blocks of this many samples: a short transform stays in
# cache, and memory does not grow with the track.
_BLOCK = 8192 - (FILTER_LENGTH - 1)
_BLOCKS_AT_ONCE = 32


def quick_correlations(images: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The sums over t of image_a(t) signal_b(t + lag), for images and for targets as signals.

    images (A, T), targets (E, T), on any device -> auto (A, A, 2L - 1), lags 1 - L to L - 1, and
    cross (A, E, L), lags 0 to L - 1, L being the filters' length.
    """
    A, overhang = images.shape[0], FILTER_LENGTH - 1
    length, stride = _BLOCK + overhang, _BLOCK * _BLOCKS_AT_ONCE
    shape = (A, A + targets.shape[0], length // 2 + 1)
    total = images.new_zeros(shape, dtype=torch.complex128)  # (A, A + E, F)
    for start in range(0, images.shape[-1], stride):
        ahead = torch.cat(
            [
                _padded(signals[:, start : start + stride + overhang], stride + overhang)
                for signals in (images, targets)
            ]
        )  # (A + E, stride + overhang)
        left = torch.fft.rfft(ahead[:A, :stride].unfold(-1, _BLOCK, _BLOCK), length)
        right = torch.fft.rfft(ahead.unfold(-1, length, _BLOCK), length)  # (A + E, blocks, F)
        total += torch.einsum("anf,bnf->abf", left.conj(), right)
    lagged = torch.fft.irfft(total, length)[..., :FILTER_LENGTH].cpu().numpy()  # (A, A + E, L)
    auto, cross = lagged[:, :A], lagged[:, A:]
    earlier = auto.swapaxes(0, 1)[..., :0:-1]  # lags 1 - L to -1
    return np.concatenate([earlier, auto], -1), cross


def museval_correlations(
    images: np.ndarray, targets: np.ndarray, channels: int
) -> tuple[np.ndarray, np.ndarray]:
    """What `quick_correlations` returns, with the bits of museval 0.4's own.

    Its transforms are complex ones of a power of two, of one product of spectra each; a real
    transform, or blocks, would round otherwise. channels: products that are transformed at a time,
    side by side where torch may use several threads.
    """
    A, T = images.shape
    length = 2 ** int(np.ceil(np.log2(T + FILTER_LENGTH - 1.0)))
    spectra = _spectra(images, length)  # (A, N)
    auto = np.empty((A, A, 2 * FILTER_LENGTH - 1))
    for a in range(A):
        for b in range(a, A, channels):
            now = slice(b, b + channels)
            auto[a, now] = _correlations([(later, spectra[a]) for later in spectra[now]])
    below = np.tril_indices(A, -1)
    auto[below] = auto.swapaxes(0, 1)[below][..., ::-1]  # museval mirrors too
    cross = np.empty((A, len(targets), FILTER_LENGTH))
    for start in range(0, len(targets), channels):
        now = slice(start, start + channels)
        target_spectra = _spectra(targets[now], length)  # (C, N)
        for a in range(A):
            by_lag = _correlations([(spectra[a], target) for target in target_spectra])
            cross[a, now] = by_lag[:, FILTER_LENGTH - 1 :: -1]  # the target is later, by 0 to L - 1
    return auto, cross


def _spectra(signals: np.ndarray, length: int) -> np.ndarray:
    return scipy.fft.fft(signals, length, workers=torch.get_num_threads())


def _correlations(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Of pairs of spectra (N,), at the lags 1 - L to L - 1 by which the first is later."""
    # Pair by pair, in these very words: numpy reuses the memory of a large conjugate and swaps the
    # factors for that, which rounds otherwise than broadcasting does.
    products = np.stack([later * np.conj(earlier) for later, earlier in pairs])  # (pairs, N)
    signals = scipy.fft.ifft(products, overwrite_x=True, workers=torch.get_num_threads())
    return signals.real[:, np.arange(1 - FILTER_LENGTH, FILTER_LENGTH)]


def _padded(signals: Tensor, samples: int) -> Tensor:
    """Zeros after the end of (..., T), up to `samples` in all, in float64."""
    return F.pad(signals.double(), (0, samples - signals.shape[-1]))
