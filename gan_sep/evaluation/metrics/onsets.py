"""Attacks: are the onsets of the reference still there in the estimate, and no others?"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F
from torchaudio.functional import melscale_fbanks

from gan_sep.evaluation.metrics.base import Metric
from gan_sep.evaluation.metrics.layers.framing import check_pair
from gan_sep.spectra import decibels, power_spectrogram

HOP_SECONDS = 0.01
WINDOW_SECONDS = 0.046
MEL_BANDS = 40

RANGE_DB = 40.0
QUIETEST_DB = -100.0
LEAST_RISE_DB = 0.5

NEAR_FRAMES = 3
WIDE_FRAMES = 10

TOLERANCE_SECONDS = 0.05


def onset_f1(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """F1 of the estimate's onsets against the reference's, 0 to 1; higher is better.

    2 M / (A + B) with A onsets in the reference, B in the estimate and M pairs of both at most
    50 ms apart, each onset in one pair at most. Lost attacks and those that bleed in lower it; an
    attack that is only softer or slower by less than 50 ms still counts. NaN where the reference
    has no onset. What counts as an onset: see `onset_times`.
    references, estimates: (S, C, T), same source order -> (S,), float64.
    Raises ValueError where the shapes differ or nothing is in them.
    Source: the F-measure of the MIREX task Audio Onset Detection, with its tolerance.
    """
    check_pair(references, estimates)
    values = [
        _f1(*onset_times(reference, estimate, sample_rate))
        for reference, estimate in zip(references, estimates, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64, device=references.device)


def onset_times(
    reference: Tensor, estimate: Tensor, sample_rate: int
) -> tuple[list[float], list[float]]:
    """When, in seconds and in rising order, something begins in a reference and its estimate.

    Onsets are peaks of the spectral flux: how many dB a mel band has risen since the last frame,
    falls left out, mean over 40 bands. Windows of 46 ms, every 10 ms, channels' powers averaged. A
    peak is the largest value within 30 ms, and exceeds the mean within 100 ms, on both sides, by
    the standard deviation of the reference's flux, but by 0.5 dB at least. Both signals count
    down to 40 dB below the loudest band and frame of the reference.
    reference, estimate: (C, T).
    Source: after Böck, Krebs, Schedl, Evaluating the Online Capabilities of Onset Detection
    Methods, 2012; mel bands, dB and thresholds that follow the reference are this project's choice.
    """
    hop = max(1, round(HOP_SECONDS * sample_rate))
    powers = [_band_powers(each, sample_rate, hop) for each in (reference, estimate)]  # (M, N)
    floor = (powers[0].max() * 10 ** (-RANGE_DB / 10)).clamp(min=10 ** (QUIETEST_DB / 10))
    flux, estimated_flux = (_spectral_flux(decibels(each / floor, 0.0)) for each in powers)  # (N,)
    rise = flux.std(correction=0).clamp(min=LEAST_RISE_DB)
    times, estimated_times = (
        [frame * hop / sample_rate for frame in _peaks(each, rise)]
        for each in (flux, estimated_flux)
    )
    return times, estimated_times


def _band_powers(signal: Tensor, sample_rate: int, hop: int) -> Tensor:
    """Power in mel bands, frame n centred on sample n * hop: (C, T) -> (M, N)."""
    n_fft = max(4, 2 * round(WINDOW_SECONDS * sample_rate / 2))
    power = power_spectrogram(signal, n_fft, hop).mean(0)  # (F, N)
    bands = melscale_fbanks(power.shape[0], 0.0, sample_rate / 2, MEL_BANDS, sample_rate)  # (F, M)
    return bands.T.to(power) @ power  # (M, N)


def _spectral_flux(levels: Tensor) -> Tensor:
    """dB above the floor (M, N) -> the mean rise into each frame, dB, (N,)."""
    before = F.pad(levels, (1, 0))[:, :-1]  # (M, N); silence, 0 dB, lies before the first frame
    return (levels - before).relu().mean(0)


def _peaks(flux: Tensor, rise: Tensor) -> list[int]:
    """The frames that are the largest around and exceed the mean around by `rise`: (N,), ()."""
    flux = flux[None]  # (1, N), as pooling wants it
    largest = F.max_pool1d(flux, 2 * NEAR_FRAMES + 1, stride=1, padding=NEAR_FRAMES)
    mean = F.avg_pool1d(
        flux, 2 * WIDE_FRAMES + 1, stride=1, padding=WIDE_FRAMES, count_include_pad=False
    )
    frames: list[int] = ((flux == largest) & (flux >= mean + rise))[0].nonzero().flatten().tolist()
    return frames


def _f1(times: list[float], estimated_times: list[float]) -> float:
    if not times:
        return math.nan
    return 2 * _pairs(times, estimated_times) / (len(times) + len(estimated_times))


def _pairs(times: list[float], estimated_times: list[float]) -> int:
    """The most pairs within the tolerance, no time in two of them; both in rising order."""
    tolerance = TOLERANCE_SECONDS + 1e-9  # times are multiples of 10 ms, and rounded
    pairs = place = 0
    for time in times:
        # The earliest that is left is the right partner: a later one may still serve a later time.
        while place < len(estimated_times) and estimated_times[place] < time - tolerance:
            place += 1
        if place < len(estimated_times) and estimated_times[place] <= time + tolerance:
            pairs += 1
            place += 1
    return pairs


METRICS = (Metric("onset_f1", onset_f1, "F1 of onsets", "onsets", unit=""),)
