"""The projections of BSSEval: of an estimate on its own source's image, and on all sources' images.

Both are least squares over the whole track on images delayed by 0 to 511 samples. Their normal
equations are solved by Cholesky's method, and the rounding error of the outcome is estimated. Where
sources have an empty band in common, as after lossy coding, or are copies of each other, the
equations are nearly singular and part of the projection is rounding error, in every implementation:
museval's own SIR moves by tenths of a dB when the sources are listed in another order. There, on
the CPU, museval's operations are repeated to the bit instead, and so are its rounding errors. That
holds beside the museval, numpy and scipy it runs with and for one number of threads: on another
machine museval differs from itself there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dgetrf, dgetrs, dpocon
from torch import Tensor

from gan_sep.statistics.correlations import (
    FILTER_LENGTH,
    museval_correlations,
    quick_correlations,
)

_EPS = np.finfo(np.float64).eps

# How large a projection's rounding error may be, relative to the estimate: interference or
# artifacts 100 dB below the estimate move by less than 1e-3 dB.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Projections:
    """Spectra of the filters: own (S, C, C, F), every (S*C, S*C, F), from image to projection."""

    own: Tensor
    every: Tensor

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra (S, C, N, F) of the images' frames -> the projections on own and all images."""
        own = torch.stack([_filtered(*pair) for pair in zip(images, self.own, strict=True)])
        every = _filtered(images.flatten(0, 1), self.every)  # (S*C, N, F)
        return own, every.unflatten(0, images.shape[:2])  # each (S, C, N, F)


def projections(references: Tensor, estimates: Tensor, length: int) -> Projections:
    """The projections of a track's estimates, as filters for transforms of `length` samples.

    references, estimates: (S, C, T), same source order, none of them silent, any device.
    """
    C = references.shape[1]
    images, targets = references.flatten(0, 1), estimates.flatten(0, 1)  # (S*C, T)
    energies = torch.linalg.vecdot(targets, targets).double().cpu().numpy()  # (S*C,)
    try:
        equations = NormalEquations(*quick_correlations(images, targets), energies)
        own, every = _least_squares(equations, C, solve_by_cholesky)
    except np.linalg.LinAlgError:
        signals = [each.double().cpu().numpy() for each in (images, targets)]
        equations = NormalEquations(*museval_correlations(*signals), energies)
        own, every = _least_squares(equations, C, lambda each: solve_as_museval(each, C))
    spectra = (torch.fft.rfft(taps.to(references.device), length) for taps in (own, every))
    return Projections(*spectra)


@dataclass(frozen=True)
class NormalEquations:
    """Of the filters that take A images to E targets.

    auto: (A, A, 2L - 1) and cross: (A, E, L) as `quick_correlations` returns them.
    energies: (E,), of the targets.
    """

    auto: np.ndarray
    cross: np.ndarray
    energies: np.ndarray

    def block(self, signals: slice) -> "NormalEquations":
        """The equations of some images and their targets by themselves."""
        return NormalEquations(
            self.auto[signals, signals], self.cross[signals, signals], self.energies[signals]
        )

    def matrix(self) -> np.ndarray:
        """Inner products of delayed images, (A*L, A*L): block Toeplitz, a copy, as LAPACK likes it.

        LAPACK overwrites without a copy what lies in memory column by column.
        """
        A = len(self.auto)
        # windows[a, b, i, j] holds lag i + j + 1 - L; delays i and k are i - k apart.
        windows = np.lib.stride_tricks.sliding_window_view(self.auto, FILTER_LENGTH, axis=-1)
        by_column = windows[..., ::-1].transpose(1, 3, 0, 2)  # (A, L, A, L), columns first
        return np.array(by_column, order="C").reshape((A * FILTER_LENGTH,) * 2).T

    def right_sides(self) -> np.ndarray:
        """Inner products of delayed images with targets, (A*L, E)."""
        return self.cross.swapaxes(1, 2).reshape(-1, self.cross.shape[1])


def solve_by_cholesky(equations: NormalEquations) -> np.ndarray:
    """The filters' taps (A*L, E).

    Raises LinAlgError where the rounding error of a projection may pass the tolerance. A relative
    error eps of the matrix M moves the taps x by M^-1 eps |M| |x| at most, and the projection,
    whose energy is x'Mx, by eps |M| |x| / sqrt(least eigenvalue of M).
    """
    factor, lower = cho_factor(equations.matrix(), overwrite_a=True, check_finite=False)
    taps = cho_solve((factor, lower), equations.right_sides(), check_finite=False)
    norm = np.abs(equations.auto).sum((0, 2)).max()  # at least the matrix's
    reciprocal_condition, _ = dpocon(factor, norm)  # least eigenvalue / norm, estimated
    error_energies = _EPS**2 * norm * (taps**2).sum(0)  # (E,), times the reciprocal condition
    if (error_energies > _TOLERANCE**2 * reciprocal_condition * equations.energies).any():
        raise np.linalg.LinAlgError("the images are too nearly dependent")
    return taps


def solve_as_museval(equations: NormalEquations, channels: int) -> np.ndarray:
    """The filters' taps (A*L, E), solved for one source of so many channels at a time, as museval.

    museval has numpy factorise the matrix for each source anew, with the same outcome.
    """
    matrix = equations.matrix()
    diagonal = np.einsum("ii->i", matrix)  # a view
    diagonal += _EPS
    factors, pivots, singular = dgetrf(matrix)
    if singular:
        # Where a pivot is exactly zero museval has no answer: it ends in an error of its own. Every
        # solution projects alike; a diagonal above the rounding picks one.
        diagonal += 1e-12 * diagonal.max()
        factors, pivots, _ = dgetrf(matrix)
    right_sides = equations.right_sides()
    columns = (slice(c, c + channels) for c in range(0, right_sides.shape[1], channels))
    return np.concatenate([dgetrs(factors, pivots, right_sides[:, c])[0] for c in columns], axis=1)


def _least_squares(
    equations: NormalEquations, channels: int, solve: Callable[[NormalEquations], np.ndarray]
) -> tuple[Tensor, Tensor]:
    """Taps of both projections: own (S, C, C, L), every (S*C, S*C, L)."""
    # The small systems come first: where one cannot be solved quickly, the large one cannot either.
    own = [
        _by_pair(solve(equations.block(slice(start, start + channels))))
        for start in range(0, len(equations.auto), channels)
    ]
    return torch.stack(own), _by_pair(solve(equations))


def _by_pair(taps: np.ndarray) -> Tensor:
    """(A*L, E) -> (A, E, L)."""
    by_image = taps.reshape(-1, FILTER_LENGTH, taps.shape[1])  # (A, L, E)
    return torch.from_numpy(np.ascontiguousarray(by_image.swapaxes(1, 2)))


def _filtered(images: Tensor, filters: Tensor) -> Tensor:
    """Spectra of images (A, N, F), filtered and added: filters (A, E, F) -> (E, N, F)."""
    total = images.new_zeros((filters.shape[1], *images.shape[1:]))
    for image, taps in zip(images, filters, strict=True):
        total.addcmul_(image, taps[:, None])
    return total
