"""What an estimate holds that its reference does not, and the reverse, as levels in dB.

Three ways to sound wrong at a good SDR: bleeding into the source's rests, dull or hissing treble,
and a steady floor of hum or noise. Full scale, 0 dB, is a power of 1 for the signals themselves,
and a sine of amplitude 1 in one bin of a spectrum.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from gan_sep.evaluation.metrics.base import Metric, whole_track
from gan_sep.evaluation.metrics.layers.framing import check_pair, frames
from gan_sep.spectra import decibels, power_spectrogram

# No level counts further down: the mean over tracks stays finite when an estimate is silent.
FLOOR_DB = -100.0

SILENCE_DB = -60.0
SILENCE_SECONDS = 0.1

N_FFT = 2048
HOP = 1024
NOISE_SHARE = 0.1


def energy_at_silence(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """Level of the estimate where the reference is silent, in dB full scale; lower is better.

    10 log10(mean of e^2 + 1e-10) over channels and samples of all silent frames: frames of 0.1 s,
    without overlap, in which the reference's RMS lies below -60 dB full scale. -100 dB is silence,
    the best there is. NaN where the reference has no silent frame.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: after the Predicted Energy at Silence of Schulze-Forster, Doire, Richard, Badeau, Weakly
    Informed Audio Source Separation, 2019: there the mean of the frames' dB, in which a burst of
    bleeding weighs no more than a rounding error.
    """
    check_pair(references, estimates)
    window = max(1, round(SILENCE_SECONDS * sample_rate))
    levels, powers = (_frame_powers(each, window) for each in (references, estimates))  # (S, N)
    silent = levels < 10 ** (SILENCE_DB / 10)  # (S, N)
    return decibels((powers * silent).sum(-1) / silent.sum(-1), FLOOR_DB)  # 0 / 0 is NaN


def high_band_ratio(references: Tensor, estimates: Tensor) -> Tensor:
    """Level of the estimate's upper half band against the reference's, in dB; 0 is right.

    10 log10((P_E + 1e-10) / (P_S + 1e-10)), with P the mean power of a frame's bins between a
    quarter and a half of the sample rate, summed over them, windows of 2048 samples with a hop of
    1024. Below 0 the estimate is dull, above 0 it hisses or holds other sources' treble. NaN where
    the reference is silent throughout.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: this project's definition; the band is the one that bandwidth extension restores.
    """
    check_pair(references, estimates)
    ratios = _rise(_high_band_power, references, estimates)  # (S,)
    return ratios.masked_fill((references == 0).flatten(1).all(1), torch.nan)


def noise_floor(references: Tensor, estimates: Tensor) -> Tensor:
    """Level of the estimate's floor above that of the reference, in dB; 0 is right, above is worse.

    The floor is what remains when everything that moves is gone: in every bin the power that 10 %
    of the frames do not exceed, summed over bins, mean over channels, plus 1e-10; windows of 2048
    samples with a hop of 1024 that lie within the signal. Steady hum, hiss and musical noise raise
    it, gating lowers it.
    references, estimates: (S, C, T), same source order -> (S,).
    Raises ValueError where the shapes differ or nothing is in them.
    Source: after Martin, Noise Power Spectral Density Estimation Based on Optimal Smoothing and
    Minimum Statistics, 2001; the quantile in place of the minimum is this project's choice.
    """
    check_pair(references, estimates)
    return _rise(_floor_power, references, estimates)


def _frame_powers(signals: Tensor, window: int) -> Tensor:
    """Mean power of every frame over channels and samples: (S, C, T) -> (S, N) in float64."""
    return frames(signals, window).square().mean((1, 3), dtype=torch.float64)


def _rise(power: Callable[[Tensor], Tensor], references: Tensor, estimates: Tensor) -> Tensor:
    """How much more of a power (C, T) -> () the estimates have: (S, C, T), (S, C, T) -> (S,) dB."""
    # Source by source: the spectrograms of a whole song's sources would take gigabytes.
    of_references, of_estimates = (
        decibels(torch.stack([power(signal) for signal in signals]), FLOOR_DB)
        for signals in (references, estimates)
    )
    return of_estimates - of_references


def _high_band_power(signal: Tensor) -> Tensor:
    """(C, T) -> (), the mean over channels and frames."""
    power = power_spectrogram(signal, N_FFT, HOP).double()  # (C, F, N)
    return power[:, N_FFT // 4 :].sum(1).mean()


def _floor_power(signal: Tensor) -> Tensor:
    """(C, T) -> (), the mean over channels."""
    power = power_spectrogram(signal, N_FFT, HOP).double()  # (C, F, N)
    if signal.shape[-1] >= N_FFT:
        # Frames that reach beyond the ends hold silence that is not the signal's.
        power = power[..., 1 : signal.shape[-1] // HOP]
    rank = max(1, int(NOISE_SHARE * power.shape[-1]))
    return power.kthvalue(rank, dim=-1).values.sum(1).mean()


METRICS = (
    Metric(
        "energy_at_silence",
        energy_at_silence,
        "Energy where the reference is silent",
        "levels",
        unit="dB full scale",
        higher_is_better=False,
    ),
    Metric(
        "high_band_ratio",
        whole_track(high_band_ratio),
        "Upper half band off the reference's by",
        "levels",
        zero_is_best=True,
    ),
    Metric(
        "noise_floor",
        whole_track(noise_floor),
        "Noise floor off the reference's by",
        "levels",
        zero_is_best=True,
    ),
)
