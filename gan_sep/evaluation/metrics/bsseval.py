"""BSSEval v4 in torch: SDR, ISR, SIR and SAR with one set of distortion filters per track.

An estimate e of the source s is split into s + e_spat + e_interf + e_artif. With P_own the
projection of e on the source's own image, delayed by 0 to 511 samples, and P_all the one on all
sources' images,

    e_spat = P_own(e) - s        e_interf = P_all(e) - P_own(e)        e_artif = e - P_all(e).

The filters of both projections are least-squares solutions over the whole track; the energies are
those of one-second frames, filtered on their own. `plain_bss_eval` says so in code. `bss_eval` does
the same in a fraction of the time: from normal equations (see `projections`), and on spectra of
zero-padded frames, where filtering is a product and, by Parseval, energy is a sum.

Sources: Vincent, Gribonval, Févotte, Performance measurement in blind audio source separation,
2006; Stöter, Liutkus, Ito, The 2018 Signal Separation Evaluation Campaign, 2018.
"""

from collections.abc import Mapping

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional as F

from gan_sep.evaluation.metrics.base import Function, Metric, median_of_frames, shared
from gan_sep.evaluation.metrics.layers.framing import (
    check_finite,
    check_pair,
    frames,
    silent_frames,
)
from gan_sep.evaluation.metrics.layers.projections import projections
from gan_sep.fast.filters import plain_filters
from gan_sep.fast.normal_equations import FILTER_LENGTH

# Frames whose spectra are filtered at once: as many as stay in a CPU's cache.
_FRAMES = 4


def plain_bss_eval(references: Tensor, estimates: Tensor, window: int) -> Tensor:
    """SDR, ISR, SIR and SAR of float64 tracks without silence (S, C, T), by the book: (4, S, N)."""
    images = references.flatten(0, 1)  # (S * C, T)
    own_taps, every_taps = plain_filters(references, estimates)
    by_source = every_taps.unflatten(1, references.shape[:2]).unbind(1)
    ratios = []
    for truth, estimate, *taps in zip(references, estimates, own_taps, by_source, strict=True):
        own, every = (each.transpose(0, 1) for each in taps)  # (C, A, L): to each channel
        framed = (frames(each, window).transpose(0, 1) for each in (truth, estimate, images))
        s, e, all_images = (F.pad(each, (0, FILTER_LENGTH - 1)) for each in framed)  # (N, C, T')
        p_own, p_every = (
            F.conv1d(F.pad(inputs, (FILTER_LENGTH - 1, 0)), each.flip(-1))
            for inputs, each in ((s, own), (all_images, every))
        )
        pairs = ((s, e - s), (s, p_own - s), (p_own, p_every - p_own), (p_every, e - p_every))
        energies = [[each.square().sum((1, 2)) for each in pair] for pair in pairs]
        ratios.append(torch.stack([decibels(*pair) for pair in energies]))  # (4, N)
    return torch.stack(ratios, 1)


def bss_eval(references: Tensor, estimates: Tensor, sample_rate: int) -> Mapping[str, Tensor]:
    """SDR, ISR, SIR and SAR of BSSEval v4 in dB, per source and one-second frame; higher is better.

    references, estimates: (S, C, T), same source order -> "sdr", "isr", "sir", "sar", each (S, N)
    in float64, on the device of the input. A frame in which any reference or any estimate is silent
    is NaN for every source; without any error a ratio is +inf. Beyond some 150 dB a ratio is
    rounding error. For the SDR alone `sdr` is exact and far quicker.
    Raises ValueError where the shapes differ, nothing is in them, or a value is NaN or infinite.
    """
    check_pair(references, estimates)
    check_finite(references=references, estimates=estimates)
    silent = silent_frames(references, sample_rate) | silent_frames(estimates, sample_rate)  # (N,)
    shape = (4, references.shape[0], silent.numel())
    scores = references.new_full(shape, torch.nan, dtype=torch.float64)  # (4, S, N)
    if not silent.all():
        images, targets = frames(references, sample_rate), frames(estimates, sample_rate)
        length = even_fast_length(images.shape[-1] + FILTER_LENGTH - 1)
        project = projections(references, estimates, length)
        for now in (~silent).nonzero().flatten().split(_FRAMES):
            image = torch.fft.rfft(images[:, :, now].double(), length)  # (S, C, n, F)
            target = torch.fft.rfft(targets[:, :, now].double(), length)
            scores[..., now] = _ratios(image, target, *project(image))
    return dict(zip(("sdr", "isr", "sir", "sar"), scores, strict=True))


def even_fast_length(least: int) -> int:
    """The shortest even length of at least `least` samples with a quick Fourier transform."""
    return 2 * next_fast_len((least + 1) // 2, real=True)


def decibels(signal: Tensor, error: Tensor) -> Tensor:
    """Energy ratios in dB; +inf without any error, as in museval."""
    return (10 * torch.log10(signal / error)).masked_fill(error == 0, torch.inf)


def _ratios(images: Tensor, targets: Tensor, own: Tensor, every: Tensor) -> Tensor:
    """SDR, ISR, SIR and SAR from spectra (S, C, n, F) -> (4, S, n)."""
    energy = _energy(images)  # (S, n)
    return torch.stack(
        [
            decibels(energy, _energy(targets - images)),
            decibels(energy, _energy(own - images)),
            decibels(_energy(own), _energy(every - own)),
            decibels(_energy(every), _energy(targets - every)),
        ]
    )


def _energy(spectra: Tensor) -> Tensor:
    """Energy up to a factor of real signals from their half spectra: (S, C, n, F) -> (S, n)."""
    parts = torch.view_as_real(spectra)  # (S, C, n, F, 2)
    power = torch.linalg.vecdot(parts.flatten(-2), parts.flatten(-2))  # (S, C, n)
    # The bins between the first and the last stand for their mirror images too; the transform's
    # length is even, so the last is the Nyquist frequency's.
    edges = parts[..., [0, -1], :].square().sum((-2, -1))
    return (2 * power - edges).sum(1)


_shared_bss_eval = shared(bss_eval)


def _ratio(name: str) -> Function:
    return lambda *track: median_of_frames(_shared_bss_eval(*track)[name])


METRICS = tuple(
    Metric(name, _ratio(name), f"{name.upper()} (BSSEval v4)", "bss_eval", average="median")
    for name in ("isr", "sir", "sar")
)
