"""Metrics that those who train separators for use look at beside SDR."""

from importlib import import_module

import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from gan_sep.evaluation.metrics.base import Metric, shared
from gan_sep.evaluation.metrics.layers.framing import check_pair
from gan_sep.spectra import stft

N_FFT = 4096
HOP = 1024
MEL_BANDS = 512
RANGE_DB = 80.0
_SMALLEST = 1e-10  # of magnitudes


def bleedless(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """100 / (1 + mean dB of the bins that are too loud), 100 where none is; higher is better.

    Of magnitudes in 512 mel bands (Slaney's, of equal area), windows of 4096 samples with a hop of
    1024, down to 80 dB below the loudest band of each signal. It falls with bleeding and noise and
    says nothing of what is missing: silence has 100. Twice as loud an estimate bleeds everywhere.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: the trainer Music-Source-Separation-Training, 2024; no paper.
    """
    return 100 / (1 + _shared_excesses(references, estimates, sample_rate)[0])


def fullness(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """100 / (1 + mean dB of the bins that are too quiet), the counterpart of `bleedless`."""
    return 100 / (1 + _shared_excesses(references, estimates, sample_rate)[1])


def log_wmse(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """logWMSE: minus the logarithm of a frequency-weighted squared error; higher is better.

    4 times the natural logarithm of the error's energy behind a filter of the ear's sensitivity,
    relative to that of the mixture, negated; about 73.7 without an error. A silent reference has a
    value too. references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them, ImportError without the package
    torch-log-wmse. Source: the package log-wmse-audio-quality, 2024.
    """
    check_pair(references, estimates)
    try:
        package = import_module("torch_log_wmse")
    except ImportError as error:
        raise ImportError(
            "log_wmse: pip install torch-log-wmse, or leave the metric out of evaluation.metrics"
        ) from error
    metric = package.LogWMSE(sample_rate=sample_rate, reduction="none").to(references.device)
    mixture = references.sum(0).expand_as(references)
    signals = (each[:, :, None].float() for each in (estimates, references))  # (S, C, 1, T)
    values: Tensor = metric(mixture.float(), *signals)
    return values.double()


def _excesses(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """Mean dB of the bins that are too loud, and of those that are too quiet: (2, S)."""
    check_pair(references, estimates)
    bands = melscale_fbanks(
        N_FFT // 2 + 1, 0.0, sample_rate / 2, MEL_BANDS, sample_rate, "slaney", "slaney"
    ).to(references)
    found = []
    for pair in zip(references, estimates, strict=True):  # source by source, for memory's sake
        truth, estimate = (_levels(signal, bands) for signal in pair)  # (C, M, N)
        off = estimate - truth
        signs = [off.clamp(min=0), -off.clamp(max=0)]
        found.append(torch.stack([s.sum() / (s > 0).sum().clamp(min=1) for s in signs]))
    return torch.stack(found, 1).double()


_shared_excesses = shared(_excesses)


def _levels(signal: Tensor, bands: Tensor) -> Tensor:
    """dB in mel bands: (C, T) -> (C, M, N)."""
    magnitudes = bands.T @ stft(signal, N_FFT, HOP).abs()
    levels = 20 * torch.log10(magnitudes.clamp(min=_SMALLEST))
    return torch.maximum(levels, levels.max() - RANGE_DB)


METRICS = (
    Metric("bleedless", bleedless, "Bleedless", "practice", unit=""),
    Metric("fullness", fullness, "Fullness", "practice", unit=""),
    Metric("log_wmse", log_wmse, "logWMSE", "practice", unit=""),
)
