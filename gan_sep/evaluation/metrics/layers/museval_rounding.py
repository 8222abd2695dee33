"""museval's own operations, repeated to the bit and with them its rounding errors.

Only for tracks whose normal equations are nearly singular, see `projections`: there part of every
implementation's result is rounding error, and published numbers hold museval's. Everything that
follows museval 0.4 in this way is in this file; what it computes is
`plain_filters` of `gan_sep.fast`.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
import scipy.fft
import torch
from torch import Tensor

from gan_sep.fast.normal_equations import FILTER_LENGTH, NormalEquations

_EPS = np.finfo(np.float64).eps

# Each of museval's transforms takes 128 MB for a minute of music.
_MOST_THREADS = 4


def museval_filters(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
    """What `filters` returns, with the bits of museval's own."""
    C = references.shape[1]
    signals = [each.flatten(0, 1).double().cpu().numpy() for each in (references, estimates)]
    equations = NormalEquations(*museval_correlations(*signals), energies=np.ones(len(signals[1])))
    return equations.filters(C, lambda each: solve_as_museval(each, C))


def solve_as_museval(equations: NormalEquations, channels: int) -> np.ndarray:
    """The filters' taps (A*L, E), solved by numpy for one source of so many channels at a time.

    numpy factorises the matrix for each source anew, with the LAPACK that museval meets too.
    """
    matrix = equations.matrix()
    diagonal = np.einsum("ii->i", matrix)  # a view
    diagonal += _EPS
    right_sides = equations.right_sides()
    columns = [slice(c, c + channels) for c in range(0, right_sides.shape[1], channels)]
    try:
        return np.concatenate([np.linalg.solve(matrix, right_sides[:, c]) for c in columns], axis=1)
    except np.linalg.LinAlgError:
        # Where a pivot is exactly zero museval has no answer: it ends in an error of its own. Every
        # solution projects alike; a diagonal above the rounding picks one.
        diagonal += 1e-12 * diagonal.max()
        return np.linalg.solve(matrix, right_sides)


def museval_correlations(images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `correlations` returns, with the bits of museval 0.4's own.

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
