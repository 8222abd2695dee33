"""Distances of magnitude spectrograms, which see artefacts that SDR does not and forgive phase.

Magnitudes are those of an unscaled STFT with a periodic Hann window; sizes and hops count samples.
"""

import torch
from torch import Tensor

from gan_sep.evaluation.metrics.base import Metric, whole_track
from gan_sep.evaluation.metrics.layers.framing import check_pair
from gan_sep.evaluation.metrics.ratios import si_sdr
from gan_sep.spectra import stft

RESOLUTIONS = (256, 512, 1024, 2048, 4096)
N_FFT = 4096
HOP = 1024

# Logarithms do not look further than 100 dB below a sine of amplitude 1.
_FLOOR = 1e-5


def mr_stft(references: Tensor, estimates: Tensor) -> Tensor:
    """Multi-resolution STFT distance per source, without unit; 0 is perfect, lower is better.

    The mean over windows of 256, 512, 1024, 2048 and 4096 samples, each with a hop of a quarter, of

        | |S| - |E| | / | |S| |  +  mean of | ln max(|S|, floor) - ln max(|E|, floor) |,

    spectral convergence (Frobenius norms) and log magnitude distance, over a track's channels, bins
    and frames. The floor lies 100 dB below a sine of amplitude 1, so that inaudible noise beside
    digital silence counts little. references, estimates: (S, C, T), same source order -> (S,). NaN
    where the reference is silent.
    Raises ValueError where the shapes differ or nothing is in them.
    Sources: Yamamoto, Song, Kim, Parallel WaveGAN, 2020; the resolutions are those that Bereuter,
    Stahl, Plumbley, Sontacchi, Towards Reliable Objective Evaluation Metrics for Generative Singing
    Voice Separation Models, 2025, held against listeners, there with A-weighting.
    """
    check_pair(references, estimates)
    distances = [
        torch.stack([_stft_distance(*pair, n_fft) for n_fft in RESOLUTIONS]).mean()
        for pair in zip(references, estimates, strict=True)
    ]
    return torch.stack(distances).double()


def _stft_distance(reference: Tensor, estimate: Tensor, n_fft: int) -> Tensor:
    """One resolution, one source: (C, T), (C, T) -> ()."""
    true, estimated = (stft(each, n_fft, n_fft // 4).abs() for each in (reference, estimate))
    error, norm = (torch.linalg.vector_norm(each) for each in (true - estimated, true))
    convergence = error / norm.where(norm > 0, torch.nan)
    floor = _FLOOR * n_fft / 4  # a sine of amplitude 1 has a magnitude of n_fft / 4
    log_distance = (true.clamp(min=floor) / estimated.clamp(min=floor)).log().abs().mean()
    return convergence + log_distance


def l1_freq(references: Tensor, estimates: Tensor) -> Tensor:
    """L1 distance of magnitude spectrograms per source; 0 is perfect, lower is better.

    The mean of | |S| - |E| | over channels, bins and frames, windows of 4096 samples with a hop of
    1024. It has the unit of an unscaled STFT: twice as loud is twice as far, and a track's value
    compares with that of another estimate of the same track, not with other tracks.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: Gusó, Pons, Pascual, Serrà, On loss functions and evaluation metrics for music source
    separation, 2022.
    """
    check_pair(references, estimates)
    distances = [
        (_magnitudes(reference) - _magnitudes(estimate)).abs().mean()
        for reference, estimate in zip(references, estimates, strict=True)
    ]
    return torch.stack(distances).double()


def si_sdr_freq(references: Tensor, estimates: Tensor) -> Tensor:
    """SI-SDR of magnitude spectrograms per source, in dB; higher is better.

    10 log10(|a S|^2 / |a S - E|^2) with a = <E, S> / |S|^2 of the magnitudes of all channels, bins
    and frames, windows of 4096 samples with a hop of 1024. Magnitudes are never negative, so that
    unrelated sounds reach a few dB. NaN where the reference or the estimate is silent.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: Gusó, Pons, Pascual, Serrà, On loss functions and evaluation metrics for music source
    separation, 2022.
    """
    check_pair(references, estimates)
    ratios = [
        si_sdr(_magnitudes(reference).flatten(0, 1), _magnitudes(estimate).flatten(0, 1))
        for reference, estimate in zip(references, estimates, strict=True)
    ]
    return torch.stack(ratios)


def _magnitudes(signal: Tensor) -> Tensor:
    """(C, T) -> (C, F, N)."""
    return stft(signal, N_FFT, HOP).abs()


METRICS = (
    Metric(
        "mr_stft",
        whole_track(mr_stft),
        "Multi-resolution STFT distance",
        "spectral",
        unit="",
        higher_is_better=False,
    ),
    Metric(
        "l1_freq",
        whole_track(l1_freq),
        "L1 of magnitude spectrograms",
        "spectral",
        unit="",
        higher_is_better=False,
    ),
    Metric("si_sdr_freq", whole_track(si_sdr_freq), "SI-SDR of magnitudes", "spectral"),
)
