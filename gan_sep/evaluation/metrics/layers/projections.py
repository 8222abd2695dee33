"""The projections of BSSEval: of an estimate on its own source's image, and on all sources' images.

Both are least squares over the whole track on images delayed by 0 to 511 samples; `plain_filters`
says it in a few lines, in a second and a gigabyte for each second of music. `projections` gives the
same filters from their normal equations, solved by Cholesky's method, and estimates the rounding
error of the outcome. Where sources have an empty band in common, as after lossy coding, or are
copies of each other, the equations are nearly singular and part of the projection is rounding
error, in every implementation: museval's own SIR moves by tenths of a dB when the sources are
listed in another order. There, on the CPU, `museval_rounding` repeats museval's operations to the
bit. That holds beside the museval, numpy and scipy it runs with and for one number of threads: on
another machine museval differs from itself there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpocon
from torch import Tensor
from torch.nn import functional as F

from gan_sep.evaluation.metrics.layers.museval_rounding import (
    museval_correlations,
    solve_as_museval,
)
from gan_sep.evaluation.metrics.layers.normal_equations import (
    FILTER_LENGTH,
    NormalEquations,
    quick_correlations,
)

_EPS = np.finfo(np.float64).eps

# How large a projection's rounding error may be, relative to the estimate: interference or
# artifacts 100 dB below the estimate move by less than 1e-3 dB.
_TOLERANCE = 1e-9


def plain_filters(images: Tensor, target: Tensor) -> Tensor:
    """The filters by which images (A, T) come closest to a target (T,): taps (A, L).

    The plain version of everything below, for reading and for tests on short signals.
    """
    lags = range(FILTER_LENGTH)
    delayed = [F.pad(image, (lag, FILTER_LENGTH - 1 - lag)) for image in images for lag in lags]
    padded = F.pad(target, (0, FILTER_LENGTH - 1))  # (T + L - 1,)
    taps = torch.linalg.lstsq(torch.stack(delayed, -1), padded[:, None]).solution  # (A * L, 1)
    return taps.view(-1, FILTER_LENGTH)


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
