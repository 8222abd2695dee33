"""Silence: segments that tell a discriminator nothing, data sets that tell nobody anything."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track

PIECE_SECONDS = 10.0


def audible(signals: Tensor, threshold_db: float | None) -> Tensor:
    """Where the RMS level lies above the threshold in dB full scale: (B, S, C, T) -> bool (B, S).

    A threshold of None takes every signal for audible.
    """
    if threshold_db is None:
        return torch.ones(signals.shape[:2], dtype=torch.bool, device=signals.device)
    power = signals.detach().square().mean((2, 3))  # (B, S)
    return power > 10 ** (threshold_db / 10)


def require_sound(purpose: str, tracks: Sequence[Track], audio: AudioFormat) -> None:
    """ValueError unless every source sounds in some track: has a sample that is not 0.

    Reads no further than that: usually the first seconds of the first track. purpose, such as
    "training", is what the tracks are for.
    """
    silent = torch.ones(len(audio.sources), dtype=torch.bool)  # (S,)
    for piece in _pieces(tracks, audio.samples(PIECE_SECONDS)):
        silent &= (piece == 0).all((1, 2))  # (S,)
        if not silent.any():
            return
    names = [source for source, is_silent in zip(audio.sources, silent, strict=True) if is_silent]
    raise ValueError(
        f"data: {', '.join(names)} silent from beginning to end in all {len(tracks)} {purpose} "
        "tracks; check the files, or leave the source out of audio.sources"
    )


def _pieces(tracks: Sequence[Track], num_samples: int) -> Iterator[Tensor]:
    """Everything in the tracks, piece by piece: (S, C, T) of at most num_samples."""
    for track in tracks:
        for start in range(0, track.num_samples, num_samples):
            yield track.read(start, min(num_samples, track.num_samples - start))  # (S, C, T)
