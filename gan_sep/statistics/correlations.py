"""Correlations of delayed signals, what BSSEval's least-squares filters are solved from.

Two ways to the same numbers: `quick_correlations` is as right as float64 allows and as quick as can
be; `museval_correlations` repeats museval's operations and with them its rounding errors.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
import scipy.fft
import torch
from torch import Tensor

FILTER_LENGTH = 512

# The quick correlations are summed over blocks of this many samples: a short transform stays in
# cache, and memory does not grow with the track.
_BLOCK = 8192 - (FILTER_LENGTH - 1)
_BLOCKS_AT_ONCE = 32

# Each of museval's transforms takes 128 MB for a minute of music.
_MOST_THREADS = 4


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
        now = slice(start, start + stride + overhang)
        ahead = images.new_zeros((shape[1], stride + overhang), dtype=torch.float64)
        for rows, signals in ((ahead[:A], images[:, now]), (ahead[A:], targets[:, now])):
            rows[:, : signals.shape[-1]] = signals
        left = torch.fft.rfft(ahead[:A, :stride].unfold(-1, _BLOCK, _BLOCK), length)
        right = torch.fft.rfft(ahead.unfold(-1, length, _BLOCK), length)  # (A + E, blocks, F)
        total += torch.einsum("anf,bnf->abf", left.conj(), right)
    lagged = torch.fft.irfft(total, length)[..., :FILTER_LENGTH].cpu().numpy()  # (A, A + E, L)
    auto, cross = lagged[:, :A], lagged[:, A:]
    earlier = auto.swapaxes(0, 1)[..., :0:-1]  # lags 1 - L to -1
    return np.concatenate([earlier, auto], -1), cross


def museval_correlations(images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `quick_correlations` returns, with the bits of museval 0.4's own.

    Its transforms are complex ones of a power of two, of one product of spectra each; a real
    transform, or blocks, would round otherwise. Several threads transform side by side, as many as
    torch may use but no more than memory allows.
    """
    A, T = images.shape
    length = 2 ** int(np.ceil(np.log2(T + FILTER_LENGTH - 1.0)))
    spectra = scipy.fft.fft(images, length)  # (A, N)
    auto = np.empty((A, A, 2 * FILTER_LENGTH - 1))
    cross = np.empty((A, len(targets), FILTER_LENGTH))
    with ThreadPoolExecutor(min(torch.get_num_threads(), _MOST_THREADS)) as threads:
        for a in range(A):
            auto[a, a:] = list(threads.map(_correlation, spectra[a:], repeat(spectra[a])))
        for e, target in enumerate(targets):
            spectrum = scipy.fft.fft(target, length)  # (N,)
            by_lag = np.array(list(threads.map(_correlation, spectra, repeat(spectrum))))
            cross[:, e] = by_lag[:, FILTER_LENGTH - 1 :: -1]  # the target is later, by 0 to L - 1
    below = np.tril_indices(A, -1)
    auto[below] = auto.swapaxes(0, 1)[below][..., ::-1]  # museval mirrors too
    return auto, cross


def _correlation(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Of signals with spectra (N,), at the lags 1 - L to L - 1 -> (2L - 1,)."""
    # In these very words, and one by one: numpy reuses the memory of a large conjugate and swaps
    # the factors for that, which rounds otherwise than broadcasting does.
    product = later * np.conj(earlier)
    signal = scipy.fft.ifft(product, overwrite_x=True)
    return signal.real[np.arange(1 - FILTER_LENGTH, FILTER_LENGTH)]
