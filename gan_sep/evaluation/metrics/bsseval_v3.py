"""BSSEval v3 (bss_eval_sources) in torch: SDR, SIR and SAR of whole clips.

The projections are those of v4 (see `bsseval`), but the source's own image counts as the source
however it is filtered: with P_own(e) in the place of s, filtering costs nothing and no ISR is left.
museval's v3 mode is mir_eval's bss_eval_sources for one channel, and takes several channels as v4
does; so does this.

Sources: Vincent, Gribonval, Févotte, Performance measurement in blind audio source separation,
2006; Févotte, Gribonval, Vincent, BSS_EVAL toolbox user guide, revision 2.0, 2005.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from gan_sep.evaluation.metrics.base import Function, Metric, shared, whole_track
from gan_sep.evaluation.metrics.bsseval import decibels
from gan_sep.evaluation.metrics.layers.framing import check_finite, check_pair, silent_frames
from gan_sep.evaluation.metrics.layers.projections import projections
from gan_sep.fast.normal_equations import FILTER_LENGTH

_HISTORY = FILTER_LENGTH - 1

# A clip is filtered in blocks that overlap by the filters' memory.
_BLOCK = 2**16 - _HISTORY


def bss_eval_v3(references: Tensor, estimates: Tensor) -> Mapping[str, Tensor]:
    """SDR, SIR and SAR of BSSEval v3 over the whole clip, in dB per source; higher is better.

    references, estimates: (S, C, T), same source order -> "sdr", "sir", "sar", each (S,) in
    float64, on the device of the input; all NaN where any of them is silent throughout, +inf
    without any error. Beyond some 150 dB a ratio is rounding error.
    Raises ValueError where the shapes differ, nothing is in them, or a value is NaN or infinite.
    """
    check_pair(references, estimates)
    check_finite(references=references, estimates=estimates)
    S, _, T = references.shape
    if silent_frames(torch.cat([references, estimates]), T).any():
        return {name: references.new_full((S,), torch.nan, dtype=torch.float64) for name in _NAMES}
    energies = _energies(references, estimates).unbind()
    own, every, distortion, interference, artifacts = energies  # each (S,)
    pairs = ((own, distortion), (own, interference), (every, artifacts))
    return {name: decibels(*pair) for name, pair in zip(_NAMES, pairs, strict=True)}


_NAMES = ("sdr", "sir", "sar")


def _energies(references: Tensor, estimates: Tensor) -> Tensor:
    """Of the two projections, the whole error, interference and artifacts -> (5, S)."""
    length = _BLOCK + _HISTORY
    project = projections(references, estimates, length)
    images = F.pad(references, (_HISTORY, _HISTORY))  # the filters ring on after the clip's end
    targets = F.pad(estimates, (_HISTORY, _HISTORY))  # (S, C, T + 2 * _HISTORY)
    total = references.new_zeros((5, references.shape[0]), dtype=torch.float64)
    for start in range(0, references.shape[-1] + _HISTORY, _BLOCK):
        now = slice(start, start + length)
        image = torch.fft.rfft(images[..., None, now].double(), length)  # (S, C, 1, F)
        # What the circular filtering wraps around falls into the history, which is cut off.
        own, every = (
            torch.fft.irfft(each, length)[..., 0, _HISTORY:] for each in project(image)
        )  # each (S, C, block)
        target = targets[..., now].double()[..., _HISTORY:]  # (S, C, block or less)
        own, every = own[..., : target.shape[-1]], every[..., : target.shape[-1]]
        parts = torch.stack([own, every, target - own, every - own, target - every])
        total += parts.square().sum((-2, -1))
    return total


_shared_v3 = shared(bss_eval_v3)
_mixture_v3 = shared(lambda s, _: bss_eval_v3(s, s.sum(0).expand_as(s)))


def _ratio(name: str) -> Function:
    return whole_track(lambda references, estimates: _shared_v3(references, estimates)[name])


def nsdr_v3(references: Tensor, estimates: Tensor) -> Tensor:
    """What the SDR of v3 gains over the mixture as the estimate: (S,), dB; higher is better."""
    own, mixture = (
        score(references, signals)["sdr"]
        for score, signals in ((_shared_v3, estimates), (_mixture_v3, references))
    )
    return torch.as_tensor(own - mixture)


def seconds(references: Tensor, _: Tensor, sample_rate: int) -> Tensor:
    """The track's length, by which its ratios are weighed: (S,)."""
    length = references.shape[-1] / sample_rate
    return references.new_full((len(references),), length, dtype=torch.float64)


def _metric(name: str, title: str, statistic: str, function: Function) -> Metric:
    return Metric(
        name,
        function,
        f"{title} (BSSEval v3)",
        "bss_v3",
        average="weighted mean",
        statistic=statistic,
        beside={"seconds": seconds},
    )


METRICS = (
    _metric("nsdr_v3", "GNSDR", "gnsdr", whole_track(nsdr_v3)),
    _metric("sir_v3", "GSIR", "gsir", _ratio("sir")),
    _metric("sar_v3", "GSAR", "gsar", _ratio("sar")),
    _metric("sdr_v3", "GSDR", "gsdr", _ratio("sdr")),
)
