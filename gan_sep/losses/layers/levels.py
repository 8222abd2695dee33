"""Logarithms of means and ratios, with floors that bound them and their gradients.

The logarithm stands outside the mean over samples or bins. Gusó et al. (2022) print 1 / T outside
of it, which would divide the gradient by the number of samples.
"""

import torch
from torch import Tensor

FLOOR = 1e-8  # added to what is put on a scale of dB, which so ends at -80
_SILENCE = 1e-10  # mean square of an estimate, -100 dB, below which it no longer counts as sound


def level(mean: Tensor) -> Tensor:
    """10 log10(mean + 1e-8): at least -80."""
    return 10 * torch.log10(mean + FLOOR)


def mean_square(signal: Tensor) -> Tensor:
    """(B, S, ...) -> (B, S)."""
    return _mean(signal.square())


def scale_of(estimates: Tensor, sources: Tensor) -> Tensor:
    """a = <e, y> / |y|^2, the source's share in the estimate: (B, S, ...) twice -> (B, S)."""
    product = _mean(estimates * sources)  # (B, S)
    return product / mean_square(sources).clamp_min(_SILENCE)


def negative_si_sdr(estimates: Tensor, sources: Tensor) -> Tensor:
    """-10 log10(|a y|^2 / |a y - e|^2): (B, S, ...) twice -> (B, S), -80 to 80 dB.

    Both energies are taken as shares of the estimate's, so that the floors leave the scale free.
    """
    scale = scale_of(estimates, sources)  # (B, S)
    target = scale.reshape(*scale.shape, *[1] * (sources.ndim - 2)) * sources
    total = mean_square(estimates) + _SILENCE  # (B, S)
    return level(mean_square(target - estimates) / total) - level(mean_square(target) / total)


def _mean(values: Tensor) -> Tensor:
    """(B, S, ...) -> (B, S)."""
    return values.mean(tuple(range(2, values.ndim)))
