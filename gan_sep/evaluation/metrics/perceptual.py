"""Metrics that follow listeners: how artificial an estimate sounds, and how much else is in it.

Both rest on the fit of the estimate to the true sources, see `gan_sep.fast.local_fit`. How far each
agrees with listeners says `experiments/listening.py --study`, and docs/metrics.md.
"""

import math

import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from gan_sep.evaluation.metrics.base import Metric, shared
from gan_sep.evaluation.metrics.layers.framing import check_finite, check_pair
from gan_sep.fast.local_fit import WINDOW_SECONDS, fitted, local_fit
from gan_sep.spectra import stft

# Longer tracks are fitted in equal sections of about this length: their spectra take memory.
SECTION_SECONDS = 20
FRAME_SECONDS = 0.0464  # 2048 samples at 44.1 kHz
MEL_BANDS = 64
LOUDNESS_BANDS = 128
LOUDNESS_EXPONENT = 0.6
HIGHEST_HERTZ = 16000.0
RANGE_DB = 40.0


def artefacts(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """How far an estimate's mel bands lie from what the true sources can explain; 0 dB is none.

    Minus the root mean square over frames, channels and 64 mel bands up to 16 kHz of the difference
    in dB between the estimate and its fit to all sources, each with a floor 40 dB below the
    estimate's mean band. Other sources and filtering count nothing, musical noise and holes do.
    references, estimates: (S, C, T), same source order -> (S,) in dB, higher is better, whatever
    the gain of estimate or references. NaN where a source's reference or estimate is silent.
    Raises ValueError where the shapes differ, nothing is in them, or a value is NaN or infinite.
    Source: this project, held against the listeners of Ward, Wierstorf, Mason, Grais, Plumbley, BSS
    Eval or PEASS? Predicting the perception of singing-voice separation, 2018.
    """
    _, _, estimated, fitted, _ = _shared_parts(references, estimates, sample_rate)
    floor = estimated.mean((1, 2, 3), keepdim=True) * 10 ** (-RANGE_DB / 10)  # (S, 1, 1, 1)
    levels = 10 * torch.log10((estimated + floor) / (fitted + floor))
    return -levels.square().mean((1, 2, 3)).sqrt().double()


def interference(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """What of an estimate's fit to the true sources comes from its own, against all others, in dB.

    10 log10 of the energy ratio; higher is better. Filtering counts nothing, unlike in an SIR of
    one filter for the whole track the filter moves with the music. Arguments, NaN, errors and
    source as of `artefacts`; +inf without another source.
    """
    own, others, _, _, _ = _shared_parts(references, estimates, sample_rate)
    return 10 * torch.log10(own / others)


def interference_share(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """The share of the fit's loudness that its own source does not have, 0 to 1; 0 is none.

    Loudness is the sum over frames and 128 mel bands up to 16 kHz of power^0.6, and only bands in
    which others add to it count. Chosen among some 600 such formulas on 8 of the songs of the
    study, confirmed on the other 4. Arguments, NaN, errors and source as of `artefacts`.
    """
    share: Tensor = _shared_parts(references, estimates, sample_rate)[4]
    return share


def parts(references: Tensor, estimates: Tensor, sample_rate: int) -> tuple[Tensor, ...]:
    """Energies of a fit's own and other sources (S,), mel powers of estimate and fit (S, 1, M, N).

    Last the share of others in the fit's loudness, (S,). NaN where a source's reference or estimate
    is silent.
    """
    check_pair(references, estimates)
    check_finite(references=references, estimates=estimates)
    references, estimates = references.float(), estimates.float()
    n_fft, bins, window = _frames(sample_rate)
    bands, fine = (  # (F, M)
        _bands(n_fft, sample_rate, count)[:bins].to(references)
        for count in (MEL_BANDS, LOUDNESS_BANDS)
    )
    mels: list[Tensor] = []
    energies, loudness = references.new_zeros(2, 2, len(references), dtype=torch.float64)  # (2, S)
    sections = max(1, round(references.shape[-1] / (SECTION_SECONDS * sample_rate)))
    for pair in zip(
        *(each.tensor_split(sections, -1) for each in (references, estimates)), strict=True
    ):
        for channel in range(references.shape[1]):
            sources, targets = (
                stft(each[:, channel], n_fft, n_fft // 4)[:, :bins] for each in pair
            )  # each (S, F, N)
            fits, own = local_fit(sources, targets, window)
            energies[0] += _power(own).sum((1, 2), dtype=torch.float64)
            energies[1] += _power(fits - own).sum((1, 2), dtype=torch.float64)
            whole, of_own = ((fine.T @ _power(each)) ** LOUDNESS_EXPONENT for each in (fits, own))
            loudness[0] += (whole - of_own).relu().sum((1, 2), dtype=torch.float64)
            loudness[1] += whole.sum((1, 2), dtype=torch.float64)
            mels.append(torch.stack([bands.T @ _power(each) for each in (targets, fits)]))
    by_section = torch.cat(mels, -1).unsqueeze(2)
    estimated, fitted = by_section  # each (S, 1, M, C * N)
    silent = torch.stack([(each == 0).flatten(1).all(1) for each in (references, estimates)]).any(0)
    own, others = energies.masked_fill(silent, torch.nan)  # each (S,)
    share = (loudness[0] / loudness[1]).masked_fill(silent, torch.nan)
    estimated = estimated.masked_fill(silent[:, None, None, None], torch.nan)
    return own, others, estimated, fitted, share


_shared_parts = shared(parts)


def mel_powers(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """Mel powers of estimates and of their fits to all references, (S, T) twice -> (2, S, M, N).

    Differentiable; for signals of a few seconds, which are fitted in one section.
    """
    n_fft, bins, window = _frames(sample_rate)
    sources, targets = (stft(each, n_fft, n_fft // 4)[:, :bins] for each in (references, estimates))
    bands = _bands(n_fft, sample_rate, MEL_BANDS)[:bins].to(references)  # (F, M)
    fits = fitted(sources, targets, window)
    return torch.stack([bands.T @ _power(each) for each in (targets, fits)])


def _frames(sample_rate: int) -> tuple[int, int, int]:
    """Samples of a frame, its bins up to 16 kHz, and frames of a window of the fit."""
    n_fft = 2 ** round(math.log2(FRAME_SECONDS * sample_rate))
    bins = min(n_fft // 2, math.ceil(HIGHEST_HERTZ / sample_rate * n_fft)) + 1
    return n_fft, bins, 2 * (round(WINDOW_SECONDS * sample_rate / (n_fft // 4)) // 2) + 1


def _power(spectra: Tensor) -> Tensor:
    return spectra.real.square() + spectra.imag.square()


def _bands(n_fft: int, sample_rate: int, count: int) -> Tensor:
    """(F, M)"""
    highest = min(HIGHEST_HERTZ, sample_rate / 2)
    return melscale_fbanks(n_fft // 2 + 1, 0.0, highest, count, sample_rate)


METRICS = (
    Metric("artefacts", artefacts, "Artefacts, level differences to the fit", "perceptual"),
    Metric("interference", interference, "Interference, own source against others", "perceptual"),
    Metric(
        "interference_share",
        interference_share,
        "Interference, share of the loudness",
        "perceptual",
        unit="",
        higher_is_better=False,
    ),
)
