"""The statistics that arms are compared by: how the tracks' values of a metric become a number."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd


@dataclass(frozen=True)
class Statistic:
    """How the tracks' values of one metric become one number per source.

    The weighted mean weighs a track by its length, which rows of the metric `seconds` tell. Of a
    metric whose best value is 0 from both sides, such as a level against the reference's, the
    distance from 0 is averaged.
    """

    name: str
    metric: str
    average: Literal["median", "mean", "weighted mean"]
    title: str
    unit: str = "dB"
    better: Literal["higher", "lower"] = "higher"
    distance_from_zero: bool = False


STATISTICS = {
    statistic.name: statistic
    for statistic in (
        Statistic("sdr", "sdr", "median", "SDR (BSSEval v4), median of tracks"),
        Statistic("sdr_mean", "sdr", "mean", "SDR (BSSEval v4), mean of tracks"),
        Statistic("usdr", "usdr", "mean", "uSDR (whole tracks), mean of tracks"),
        Statistic("si_sdr", "si_sdr", "mean", "SI-SDR (whole tracks), mean of tracks"),
        Statistic("museval_sdr", "museval_sdr", "median", "SDR (museval), median of tracks"),
        Statistic("isr", "isr", "median", "ISR (BSSEval v4), median of tracks"),
        Statistic("sir", "sir", "median", "SIR (BSSEval v4), median of tracks"),
        Statistic("sar", "sar", "median", "SAR (BSSEval v4), median of tracks"),
        Statistic("gnsdr", "nsdr_v3", "weighted mean", "GNSDR (BSSEval v3), length-weighted mean"),
        Statistic("gsir", "sir_v3", "weighted mean", "GSIR (BSSEval v3), length-weighted mean"),
        Statistic("gsar", "sar_v3", "weighted mean", "GSAR (BSSEval v3), length-weighted mean"),
        Statistic(
            "mr_stft",
            "mr_stft",
            "mean",
            "Multi-resolution STFT distance, mean of tracks",
            "",
            "lower",
        ),
        Statistic(
            "l1_freq",
            "l1_freq",
            "mean",
            "L1 of magnitude spectrograms, mean of tracks",
            "",
            "lower",
        ),
        Statistic("si_sdr_freq", "si_sdr_freq", "mean", "SI-SDR of magnitudes, mean of tracks"),
        Statistic(
            "energy_at_silence",
            "energy_at_silence",
            "mean",
            "Energy where the reference is silent, mean of tracks",
            "dB full scale",
            "lower",
        ),
        Statistic(
            "high_band_ratio",
            "high_band_ratio",
            "mean",
            "Upper half band off the reference's by, mean of tracks",
            "dB",
            "lower",
            True,
        ),
        Statistic(
            "noise_floor",
            "noise_floor",
            "mean",
            "Noise floor off the reference's by, mean of tracks",
            "dB",
            "lower",
            True,
        ),
        Statistic("onset_f1", "onset_f1", "mean", "F1 of onsets, mean of tracks", ""),
    )
}


def available(rows: pd.DataFrame) -> tuple[Statistic, ...]:
    """The statistics for whose metric there are rows."""
    metrics = set(rows["metric"])
    return tuple(s for s in STATISTICS.values() if s.metric in metrics)
