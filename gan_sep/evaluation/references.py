"""Reference systems, which no training makes: the mixture, and oracles that know the sources.

They stand in the same table as the trained arms: the mixture as the estimate of every source from
below, and from above what a mask or a Wiener filter on the mixture's spectrogram could do at best
if it knew the sources. Every oracle works on the spectra Y_s of the true sources, and on their
sum X, the mixture's, of an STFT with a periodic Hann window of 2048 samples and a hop of 1024,
scaled by the window's sum.

    ibm1, ibm2  ideal binary mask:  X where |Y_s|^a / (|X|^a + eps) >= 1/2, elsewhere silence
    irm1, irm2  ideal ratio mask:   X |Y_s|^a / (sum over r of |Y_r|^a + eps)
    mwf         multichannel Wiener filter, see `multichannel_wiener`

with a = 1 (magnitudes) or 2 (powers), every channel by itself, and eps the rounding of float64.
Estimates of the ratio masks and of the Wiener filter sum to the mixture. Those of the binary masks
need not: in one bin several sources or none may hold half of the mixture.

Source: Stöter, Liutkus, Ito, The 2018 Signal Separation Evaluation Campaign, 2018, and the
campaign's oracle code, of which these are the definitions.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from gan_sep.spectra import istft, stft

MIXTURE = "mixture"

N_FFT = 2048
HOP = 1024

_EPS = torch.finfo(torch.float64).eps

# Added to the diagonals of unit-trace matrices: far above rounding, far below any real recording's
# second dimension, so that a mono source in two channels, of rank one, can be inverted.
_LOADING = 1e-9

# Bins that are filtered at once: float64 copies of a whole song would take gigabytes.
_BINS = 64


def reference_estimates(references: Tensor, system: str) -> Tensor:
    """What a reference system, one of `REFERENCE_SYSTEMS`, makes of the references' sum.

    references: (S, C, T) -> estimates (S, C, T), same order. Raises as `oracle_estimates`.
    """
    if system == MIXTURE:
        return references.sum(0).expand_as(references)
    return oracle_estimates(references, system)


def oracle_estimates(references: Tensor, oracle: str) -> Tensor:
    """What an oracle makes of the references' sum: (S, C, T) -> estimates (S, C, T), same order.

    oracle: one of `ORACLES`. Computed in float64, on the device and in the type of the references.
    Raises ValueError on an unknown oracle, and where the references are no (S, C, T) signals.
    """
    if oracle not in ORACLES:
        raise ValueError(f"oracle: expected one of {', '.join(ORACLES)}, got {oracle!r}")
    if references.ndim != 3 or references.numel() == 0:
        raise ValueError(f"expected non-empty (S, C, T) signals, got {tuple(references.shape)}")
    spectra = stft(references, N_FFT, HOP)  # (S, C, F, N)
    scale = 2 / N_FFT  # one over the window's sum
    for bins in spectra.split(_BINS, dim=-2):  # views, (S, C, bins, N)
        bins.copy_(ORACLES[oracle](bins.to(torch.complex128) * scale) / scale)
    return torch.stack([istft(each, HOP, references.shape[-1]) for each in spectra])


def binary_mask(spectra: Tensor, exponent: int) -> Tensor:
    """The ideal binary mask on the sum of the sources' spectra (S, C, F, N) -> (S, C, F, N)."""
    mixture = spectra.sum(0)  # (C, F, N)
    share = spectra.abs() ** exponent / (mixture.abs() ** exponent + _EPS)  # (S, C, F, N)
    return mixture * (share >= 0.5)


def ratio_mask(spectra: Tensor, exponent: int) -> Tensor:
    """The ideal ratio mask on the sum of the sources' spectra (S, C, F, N) -> (S, C, F, N)."""
    parts = spectra.abs() ** exponent  # (S, C, F, N)
    return spectra.sum(0) * (parts / (parts.sum(0) + _EPS))


def multichannel_wiener(spectra: Tensor) -> Tensor:
    """The Wiener filter of the local Gaussian model, all channels jointly.

    In bin f and frame n, source s is Gaussian with the C x C covariance v(f, n) R(f), and its
    estimate is v_s R_s (sum over r of v_r R_r)^-1 x. From the true images y, with means over frames
    and channels,

        R = mean over n of y y^H / (mean over c of |y_c|^2 + eps), scaled to a trace of C
        v = y^H R^-1 y / C.

    Mono, that is the ratio mask of powers. The campaign's code normalises R by the first two bins'
    traces in place of the bin's own, and leaves a song's quietest bins out of the inversion; here a
    diagonal loading of 1e-9 keeps both inversions regular.
    spectra: (S, C, F, N) complex128 -> (S, C, F, N).
    Source of the model: Duong, Vincent, Gribonval, Under-determined reverberant audio source
    separation using a full-rank spatial covariance model, 2010.
    """
    images = spectra.transpose(1, 2)  # (S, F, C, N)
    spatial = _spatial_covariance(images)  # (S, F, C, C)
    whitened = torch.linalg.solve(spatial, images)  # (S, F, C, N)
    variance = (images.conj() * whitened).real.mean(-2)  # (S, F, N)
    covariance = torch.einsum("sfn,sfcd->fncd", variance.to(spatial.dtype), spatial)
    mixture = images.sum(0).transpose(1, 2)  # (F, N, C)
    solved = torch.linalg.solve(_loaded(covariance), mixture)  # (F, N, C)
    estimates = variance[:, :, None] * (spatial @ solved.transpose(1, 2))  # (S, F, C, N)
    return estimates.transpose(1, 2)


def _spatial_covariance(images: Tensor) -> Tensor:
    """R of each source and bin: (S, F, C, N) -> (S, F, C, C); of silence, the identity."""
    power = images.abs().square().mean(-2, keepdim=True)  # (S, F, 1, N)
    directions = images / (power + _EPS).sqrt()
    covariance = _loaded(directions @ directions.mH / images.shape[-1])  # (S, F, C, C)
    return covariance / _level(covariance)


def _loaded(covariance: Tensor) -> Tensor:
    """Hermitian (..., C, C) with so much on the diagonal that it can be inverted, even silence."""
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + (_LOADING * _level(covariance) + _EPS**2) * identity


def _level(covariance: Tensor) -> Tensor:
    """The mean of the diagonal: (..., C, C) -> (..., 1, 1)."""
    return covariance.diagonal(dim1=-2, dim2=-1).real.mean(-1)[..., None, None]


ORACLES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "ibm1": partial(binary_mask, exponent=1),
    "ibm2": partial(binary_mask, exponent=2),
    "irm1": partial(ratio_mask, exponent=1),
    "irm2": partial(ratio_mask, exponent=2),
    "mwf": multichannel_wiener,
}
"""Name -> the sources' spectra (S, C, F, N) -> their estimates' (S, C, F, N)."""

REFERENCE_SYSTEMS = (MIXTURE, *ORACLES)
"""The arms that no training makes."""
