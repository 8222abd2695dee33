"""The filters of BSSEval's two projections, from their normal equations by Cholesky's method."""

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpocon
from torch import Tensor
from torch.nn import functional as F

from gan_sep.fast.normal_equations import FILTER_LENGTH, NormalEquations, correlations

_EPS = np.finfo(np.float64).eps

# How large a projection's rounding error may be, relative to the estimate: interference or
# artifacts 100 dB below the estimate move by less than 1e-3 dB.
_TOLERANCE = 1e-9


def plain_filters(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
    """The taps by which images come closest to estimates: those of its own source, and all images.

    references, estimates: (S, C, T), same source order -> own (S, C, C, L), every (S*C, S*C, L),
    from image to estimate: least squares on images delayed by 0 to 511 samples. For float64, and
    short signals: it takes a second and a gigabyte for each second of music.
    """
    own = [_least_squares(*pair) for pair in zip(references, estimates, strict=True)]
    return torch.stack(own), _least_squares(references.flatten(0, 1), estimates.flatten(0, 1))


def _least_squares(images: Tensor, targets: Tensor) -> Tensor:
    """(A, T), (E, T) -> (A, E, L)."""
    lags = range(FILTER_LENGTH)
    delayed = [F.pad(image, (lag, FILTER_LENGTH - 1 - lag)) for image in images for lag in lags]
    padded = F.pad(targets, (0, FILTER_LENGTH - 1))  # (E, T + L - 1)
    taps = torch.linalg.lstsq(torch.stack(delayed, 1), padded.T).solution  # (A * L, E)
    return taps.unflatten(0, (-1, FILTER_LENGTH)).transpose(1, 2)


def filters(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
    """In float64, on the CPU; raises LinAlgError where the images are too nearly dependent."""
    images, targets = references.flatten(0, 1), estimates.flatten(0, 1)  # (S*C, T)
    energies = torch.linalg.vecdot(targets, targets).double().cpu().numpy()  # (S*C,)
    equations = NormalEquations(*correlations(images, targets), energies)
    return equations.filters(references.shape[1], _solved)


def _solved(equations: NormalEquations) -> np.ndarray:
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
