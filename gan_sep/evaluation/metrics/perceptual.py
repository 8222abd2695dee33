"""Metrics that follow listeners: how artificial an estimate sounds, and how much else is in it.

Both rest on the fit of the estimate to the true sources, see `gan_sep.fast.local_fit`. How far each
agrees with listeners says `experiments/listening.py --study`, and docs/metrics.md.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torchaudio.functional import melscale_fbanks

from gan_sep.evaluation.metrics.base import Metric, shared
from gan_sep.evaluation.metrics.layers.framing import check_finite, check_pair
from gan_sep.fast.local_fit import WINDOW_SECONDS, fitted, local_fit
from gan_sep.spectra import stft

# Longer tracks are fitted in equal sections of about this length: their spectra take memory.
SECTION_SECONDS = 20
_BINS = 32  # that are fitted at once: more would not stay in a CPU's cache
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
    n_fft, bins, window = _frames(sample_rate)
    bands = torch.cat([_bands(n_fft, sample_rate, M) for M in (MEL_BANDS, LOUDNESS_BANDS)], 1)
    bands = F.pad(bands[:bins], (0, 1), value=1.0).to(references.device)  # (F, M), the last is all
    mels: list[Tensor] = []
    energies, loudness = references.new_zeros(2, 2, len(references), dtype=torch.float64)  # (2, S)
    for sources, targets in _spectra(references, estimates, sample_rate):
        powers, others = _fitted_powers(sources, targets, window, bands)
        energies += torch.stack([powers[-1, :, 1].sum(0, dtype=torch.float64), others])
        whole, of_own = (powers[MEL_BANDS:-1] ** LOUDNESS_EXPONENT).unbind(2)  # each (M, N, S)
        loudness[0] += (whole - of_own).relu().sum((0, 1), dtype=torch.float64)
        loudness[1] += whole.sum((0, 1), dtype=torch.float64)
        estimated = (_power(targets.mT) @ bands[:, :MEL_BANDS]).mT  # (S, M, N)
        mels.append(torch.stack([estimated, powers[:MEL_BANDS, :, 0].permute(2, 0, 1)]))
    by_section = torch.cat(mels, -1).unsqueeze(2)
    estimated, fitted = by_section  # each (S, 1, M, C * N)
    norms = (torch.linalg.vector_norm(each, torch.inf, (1, 2)) for each in (references, estimates))
    silent = torch.stack([each == 0 for each in norms]).any(0)
    own, others = energies.masked_fill(silent, torch.nan)  # each (S,)
    share = (loudness[0] / loudness[1]).masked_fill(silent, torch.nan)
    estimated = estimated.masked_fill(silent[:, None, None, None], torch.nan)
    return own, others, estimated, fitted, share


_shared_parts = shared(parts)


def _spectra(references: Tensor, estimates: Tensor, sample_rate: int) -> Iterator[Tensor]:
    """Of sections and channels in turn, (S, C, T) twice -> (2, S, F, N), always in one place.

    Fresh memory would take longer than the transforms.
    """
    n_fft, bins, _ = _frames(sample_rate)
    num_samples = references.shape[-1]
    sections = max(1, round(num_samples / (SECTION_SECONDS * sample_rate)))
    num_frames = 2 + num_samples // sections // (n_fft // 4)  # at most
    place = torch.empty(
        2, len(references), num_frames, bins, dtype=torch.complex64, device=references.device
    )
    pairs = (each.tensor_split(sections, -1) for each in (references, estimates))
    for pair in zip(*pairs, strict=True):
        for channel in range(references.shape[1]):
            for signals, of_signals in zip(pair, place, strict=True):
                for signal, spectrum in zip(signals[:, channel], of_signals, strict=True):
                    found = stft(signal.float(), n_fft, n_fft // 4)[:bins].mT  # (N, F)
                    spectrum[: len(found)] = found
            yield place[:, :, : len(found)].mT


def _fitted_powers(
    sources: Tensor, targets: Tensor, window: int, bands: Tensor
) -> tuple[Tensor, Tensor]:
    """Powers in bands of fits and of own sources in them, (M, N, 2, S); energy of others, (S,)."""
    S, _, N = sources.shape
    powers = bands.new_zeros(bands.shape[1], N, 2, S)
    others = bands.new_zeros(S, dtype=torch.float64)
    parts = (sources.split(_BINS, 1), targets.split(_BINS, 1), bands.split(_BINS))
    for some_sources, some_targets, weights in zip(*parts, strict=True):
        fits, own = found = local_fit(some_sources, some_targets, window)  # (2, S, f, N)
        reached = weights.any(0).nonzero()[:, 0]
        power = weights[:, reached].T @ _power(found).permute(2, 3, 0, 1).flatten(1)
        powers.index_add_(0, reached, power.view(-1, N, 2, S))
        others += _power(fits - own).sum((1, 2), dtype=torch.float64)
    return powers, others


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
    return spectra.real.square().addcmul_(spectra.imag, spectra.imag)


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
