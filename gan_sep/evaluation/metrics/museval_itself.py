"""BSSEval from museval itself, the reference implementation; slow, imported only when used."""

import math
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.base import Function, Metric, median_of_frames, shared, whole_track
from gan_sep.evaluation.metrics.layers.framing import check_pair, silent_frames


def museval_bss_eval(
    references: Tensor, estimates: Tensor, sample_rate: int
) -> Mapping[str, Tensor]:
    """BSSEval v4 from museval with its usual one-second windows, in dB; higher is better.

    references, estimates: (S, C, T), same source order -> "sdr", "isr", "sir", "sar", each (S, N)
    in float64 on the CPU. NaN as in `gan_sep.evaluation.metrics.bss_eval`.
    Raises ValueError where the shapes differ or nothing is in them, ImportError without museval or
    ffmpeg.
    """
    check_pair(references, estimates)
    names = ("sdr", "isr", "sir", "sar")
    if _silent_throughout(references, estimates):
        frame_count = silent_frames(references, sample_rate).numel()
        return {name: _nothing(references.shape[0], frame_count) for name in names}
    scores = _museval().evaluate(
        _as_museval(references), _as_museval(estimates), win=sample_rate, hop=sample_rate
    )
    return {name: torch.from_numpy(score) for name, score in zip(names, scores, strict=True)}


def museval_bss_eval_v3(references: Tensor, estimates: Tensor) -> Mapping[str, Tensor]:
    """BSSEval v3 (bss_eval_sources) from museval over whole clips, in dB; higher is better.

    references, estimates: (S, C, T), same source order -> "sdr", "sir", "sar", each (S,) in
    float64 on the CPU. NaN as in `gan_sep.evaluation.metrics.bss_eval_v3`.
    Raises ValueError where the shapes differ or nothing is in them, ImportError without museval or
    ffmpeg.
    """
    check_pair(references, estimates)
    if _silent_throughout(references, estimates):
        return {name: _nothing(references.shape[0]) for name in ("sdr", "sir", "sar")}
    sdr, _, sir, sar, _ = _museval().metrics.bss_eval(
        _as_museval(references),
        _as_museval(estimates),
        window=math.inf,
        hop=math.inf,
        compute_permutation=False,
        filters_len=512,
        framewise_filters=True,
        bsseval_sources_version=True,
    )
    scores = {"sdr": sdr, "sir": sir, "sar": sar}
    return {name: torch.from_numpy(score[:, 0]) for name, score in scores.items()}  # (S,)


def _museval() -> ModuleType:
    try:
        return import_module("museval")
    # A missing ffmpeg binary shows as a RuntimeError of a package that museval imports.
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"museval cannot be imported: {error}. Install the pip package museval and the ffmpeg "
            "binary (apt-get install ffmpeg), or evaluate without museval: sdr, bss_eval and "
            "bss_eval_v3 give the same numbers"
        ) from error


def _as_museval(signals: Tensor) -> np.ndarray:
    return signals.transpose(1, 2).double().cpu().numpy()  # (S, T, C)


def _silent_throughout(*signals: Tensor) -> bool:
    """Whether some source is silent throughout, which museval refuses."""
    return any(bool(silent_frames(each, each.shape[-1]).any()) for each in signals)


def _nothing(*shape: int) -> Tensor:
    return torch.full(shape, torch.nan, dtype=torch.float64)


_shared_v4, _shared_v3 = shared(museval_bss_eval), shared(museval_bss_eval_v3)


def _v4(name: str) -> Function:
    return lambda *track: median_of_frames(_shared_v4(*track)[name])


def _v3(name: str) -> Function:
    return whole_track(lambda references, estimates: _shared_v3(references, estimates)[name])


METRICS = (
    *(
        Metric(
            f"museval_{name}", _v4(name), f"{name.upper()} (museval)", "museval", average="median"
        )
        for name in ("sdr", "isr", "sir", "sar")
    ),
    *(
        Metric(f"museval_{name}_v3", _v3(name), f"{name.upper()} v3 (museval)", "museval_v3")
        for name in ("sdr", "sir", "sar")
    ),
)
