"""BSSEval v4 in torch: SDR, ISR, SIR and SAR with one set of distortion filters per track.

An estimate e of the source s is split into s + e_spat + e_interf + e_artif. With P_own the
projection of e on the source's own image, delayed by 0 to 511 samples, and P_all the one on all
sources' images,

    e_spat = P_own(e) - s        e_interf = P_all(e) - P_own(e)        e_artif = e - P_all(e).

The filters of both projections are least-squares solutions over the whole track; the energies are
those of one-second frames, filtered on their own. Everything happens on spectra of zero-padded
frames, where filtering is a product and, by Parseval, energy is a sum.

Where the sources have an empty band in common, as after lossy coding, the equations are nearly
singular and the projection in that band is rounding noise, in every implementation: on such a song
museval's own SIR moves by tenths of a dB when the sources are listed in another order. SDR never
depends on it.

Sources: Vincent, Gribonval, Févotte, Performance measurement in blind audio source separation,
2006; Stöter, Liutkus, Ito, The 2018 Signal Separation Evaluation Campaign, 2018.
"""

from collections.abc import Mapping

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional as F

from gan_sep.evaluation.framing import check_pair, silent_frames

FILTER_LENGTH = 512

# The correlations are summed over blocks of this many samples: a short transform stays in cache,
# and memory does not grow with the track.
_BLOCK = 8192 - (FILTER_LENGTH - 1)
_BLOCKS_AT_ONCE = 32


def bss_eval(references: Tensor, estimates: Tensor, sample_rate: int) -> Mapping[str, Tensor]:
    """SDR, ISR, SIR and SAR of BSSEval v4 in dB, per source and one-second frame; higher is better.

    references, estimates: (S, C, T), same source order -> "sdr", "isr", "sir", "sar", each (S, N)
    in float64. A frame in which any reference or any estimate is silent is NaN for every source.
    Raises ValueError where the shapes differ or nothing is in them. For the SDR alone `sdr` is
    exact and far quicker.
    """
    check_pair(references, estimates)
    references, estimates = references.double(), estimates.double()
    silent = silent_frames(references, sample_rate) | silent_frames(estimates, sample_rate)  # (N,)
    scores = references.new_full((4, references.shape[0], silent.numel()), torch.nan)  # (4, S, N)
    if not silent.all():
        window = min(sample_rate, references.shape[-1])
        length = _even_fast_length(window + FILTER_LENGTH - 1)
        own, every = _projection_filters(references, estimates)
        projections = torch.fft.rfft(own, length), torch.fft.rfft(every, length)
        for frame in (~silent).nonzero().flatten().tolist():
            now = slice(frame * window, (frame + 1) * window)
            images = torch.fft.rfft(references[..., now], length)  # (S, C, F)
            spectra = torch.fft.rfft(estimates[..., now], length)
            scores[:, :, frame] = _ratios(images, spectra, *projections)
    return dict(zip(("sdr", "isr", "sir", "sar"), scores, strict=True))


def _even_fast_length(least: int) -> int:
    """The shortest even length of at least `least` samples with a quick Fourier transform."""
    return 2 * next_fast_len((least + 1) // 2, real=True)


def _ratios(images: Tensor, estimates: Tensor, own_filters: Tensor, filters: Tensor) -> Tensor:
    """SDR, ISR, SIR and SAR of one frame -> (4, S).

    images, estimates: spectra (S, C, F); own_filters: (S, C, C, F), filters: (S, C, S, C, F).
    """
    own = torch.einsum("scf,scdf->sdf", images, own_filters)  # (S, C, F)
    every = torch.einsum("rcf,rcsdf->sdf", images, filters)  # (S, C, F)
    signals = torch.stack([images, images, own, every])  # (4, S, C, F)
    errors = torch.stack([estimates - images, own - images, every - own, estimates - every])
    return 10 * torch.log10(_energy(signals) / _energy(errors))


def _energy(spectra: Tensor) -> Tensor:
    """Energy up to a factor of real signals from their half spectra: (..., C, F) -> (...)."""
    power = spectra.abs().square().sum(-2)  # (..., F)
    # The bins between the first and the last stand for their mirror images too; the transform's
    # length is even, so the last is the Nyquist frequency's.
    return 2 * power.sum(-1) - power[..., 0] - power[..., -1]


def _projection_filters(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
    """The least-squares filters of the two projections, over the whole track.

    references, estimates: (S, C, T) -> own (S, C, C, L), from channel c of the source's image to
    channel d of its estimate, and every (S, C, S, C, L), from all images to all estimates.
    """
    S, C, _ = references.shape
    images, targets = references.flatten(0, 1), estimates.flatten(0, 1)  # (S*C, T)
    correlations = _lagged_correlations(images, torch.cat([images, targets]))
    auto, cross = correlations.split(S * C, dim=1)  # each (S*C, S*C, L)
    every = _solve(auto, cross)  # (S*C, S*C, L)
    own = [
        _solve(auto[block, block], cross[block, block])
        for block in (slice(s * C, (s + 1) * C) for s in range(S))
    ]
    return torch.stack(own), every.reshape(S, C, S, C, FILTER_LENGTH)


def _solve(auto: Tensor, cross: Tensor) -> Tensor:
    """Filters from the normal equations.

    auto: (A, A, L) correlations among images, cross: (A, E, L) of images with targets
    -> taps (A, E, L).
    """
    A, E, L = cross.shape
    both_signs = torch.cat([auto.transpose(0, 1).flip(-1)[..., :-1], auto], -1)  # lags 1-L ... L-1
    lag = torch.arange(L, device=auto.device)
    toeplitz = both_signs[..., lag[:, None] - lag + L - 1]  # (A, A, L, L)
    system = toeplitz.transpose(1, 2).reshape(A * L, A * L)
    # An image that is silent in one channel leaves zero rows; as in museval the least diagonal
    # that makes them solvable is added.
    system.diagonal().add_(torch.finfo(system.dtype).eps)
    targets = cross.transpose(1, 2).reshape(A * L, E)
    taps, singular = torch.linalg.solve_ex(system, targets)
    if singular:
        # Two equal images, such as the channels of a mono song, have no unique filters, but every
        # solution projects alike: a diagonal above the rounding picks one.
        system.diagonal().add_(1e-12 * system.diagonal().max())
        taps = torch.linalg.solve(system, targets)
    return taps.reshape(A, L, E).transpose(1, 2)  # (A, E, L)


def _lagged_correlations(images: Tensor, signals: Tensor) -> Tensor:
    """sum over t of image_a(t) signal_b(t + lag): (A, T), (B, T) -> (A, B, L), lags 0 to L - 1."""
    overhang = FILTER_LENGTH - 1
    length, stride = _BLOCK + overhang, _BLOCK * _BLOCKS_AT_ONCE
    shape = (images.shape[0], signals.shape[0], length // 2 + 1)
    total = images.new_zeros(shape, dtype=torch.complex128)  # (A, B, F)
    for start in range(0, images.shape[-1], stride):
        now = _padded(images[:, start : start + stride], stride).unfold(-1, _BLOCK, _BLOCK)
        ahead = _padded(signals[:, start : start + stride + overhang], stride + overhang)
        left = torch.fft.rfft(now, length)  # (A, blocks, F)
        right = torch.fft.rfft(ahead.unfold(-1, length, _BLOCK), length)  # (B, blocks, F)
        total += torch.einsum("anf,bnf->abf", left.conj(), right)
    return torch.fft.irfft(total, length)[..., :FILTER_LENGTH]


def _padded(signals: Tensor, samples: int) -> Tensor:
    """Zeros after the end of (..., T), up to `samples` in all."""
    return F.pad(signals, (0, samples - signals.shape[-1]))
