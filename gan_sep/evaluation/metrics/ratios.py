"""Signal-to-distortion ratios in dB; all in float64, on the device of their input.

`sdr` is frame-wise (BSSEval v4); `usdr` and `si_sdr` take the track as a whole.
"""

import torch
from torch import Tensor

from gan_sep.evaluation.metrics.base import Metric, median_of_frames, shared, whole_track
from gan_sep.evaluation.metrics.layers.framing import check_pair, frames, silent_frames


def sdr(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """The SDR of BSSEval v4, museval's, in dB per source and one-second frame; higher is better.

    BSSEval splits an estimate e of the source s into s + e_spat + e_interf + e_artif by
    projections. The SDR is |s|^2 over the energy of the three errors' sum, and that sum is e - s
    whatever the projections are: no filter is needed, and the ratio is |s|^2 / |e - s|^2 over a
    frame's channels and samples.

    references, estimates: (S, C, T), same source order -> (S, N). A frame in which any reference or
    any estimate is silent is NaN for every source; a perfect estimate is +inf. The rest shorter
    than a frame is dropped; a track of at most one second is one frame.
    Raises ValueError where the shapes differ or nothing is in them.
    Source: Stöter, Liutkus, Ito, The 2018 Signal Separation Evaluation Campaign, 2018.
    """
    check_pair(references, estimates)
    # As audio files are read, channels alternate in memory; apart they are four times quicker.
    references, estimates = references.contiguous(), estimates.contiguous()
    pairs = zip(
        frames(references, sample_rate).unbind(2),  # N times (S, C, window)
        frames(estimates, sample_rate).unbind(2),
        strict=True,
    )
    # Frame by frame the float64 copies stay in cache: seven times quicker than all at once.
    ratios = torch.stack([usdr(reference, estimate) for reference, estimate in pairs], -1)  # (S, N)
    silent = silent_frames(references, sample_rate) | silent_frames(estimates, sample_rate)
    return ratios.masked_fill(silent, torch.nan)


def usdr(references: Tensor, estimates: Tensor) -> Tensor:
    """Whole-track signal-to-distortion ratio in dB, the MDX'21 challenge's; higher is better.

    10 log10(|s|^2 / |s - e|^2), energies over channels and time. Not the BSSEval v4 SDR: see `sdr`.
    references, estimates: (..., C, T), same source order -> (...). NaN where the reference is
    silent, 0 dB for a silent estimate, +inf for a perfect one.
    Raises ValueError where the shapes differ. Source: Mitsufuji et al., Music Demixing Challenge
    2021, 2022 (without its small constant, which matters only near silence).
    """
    references, estimates = _flat(references, estimates)  # (..., C * T)
    energy = _energy(references)
    ratios = _decibels(energy, _energy(estimates - references))
    return ratios.masked_fill(energy == 0, torch.nan)


def si_sdr(references: Tensor, estimates: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio in dB over the whole track; higher is better.

    10 log10(|a s|^2 / |a s - e|^2) with a = <e, s> / |s|^2: one scale for all channels, and no
    mean is taken off. references, estimates: (..., C, T), same source order -> (...). NaN where the
    reference or the estimate is silent, -inf where they are orthogonal.
    Raises ValueError where the shapes differ.
    Source: Le Roux, Wisdom, Erdogan, Hershey, SDR: half-baked or well done?, 2019.
    """
    references, estimates = _flat(references, estimates)  # (..., C * T)
    scale = (estimates * references).sum(-1, keepdim=True) / _energy(references)[..., None]
    targets = scale * references  # (..., C * T)
    return _decibels(_energy(targets), _energy(targets - estimates))


def _flat(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
    if references.shape != estimates.shape or references.ndim < 2:
        raise ValueError(
            "references and estimates: expected (..., C, T) of one shape, got "
            f"{tuple(references.shape)} and {tuple(estimates.shape)}"
        )
    return references.double().flatten(-2), estimates.double().flatten(-2)


def _energy(signals: Tensor) -> Tensor:
    return torch.linalg.vecdot(signals, signals)  # the sum of squares without their copy


def _decibels(signal_energy: Tensor, error_energy: Tensor) -> Tensor:
    return 10 * torch.log10(signal_energy / error_energy)


_frame_sdr = shared(sdr)

METRICS = (
    Metric(
        "sdr",
        lambda *track: median_of_frames(_frame_sdr(*track)),
        "SDR (BSSEval v4)",
        "ratios",
        average="median",
        also=("mean",),
        # The share of the frames that the silence rule removed.
        beside={"sdr_dropped": lambda *track: _frame_sdr(*track).isnan().double().mean(-1)},
    ),
    Metric("usdr", whole_track(usdr), "uSDR (whole tracks)", "ratios"),
    Metric("si_sdr", whole_track(si_sdr), "SI-SDR (whole tracks)", "ratios"),
)
