"""Sounds for the page: equally loud, and packed into a script.

A page opened from disk may not fetch files, but it may load scripts; and sounds that are decoded
whole can be started on the same sample, which media elements cannot promise.
"""

import base64
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import loudness as bs1770_loudness

MOST_LUFS = -23.0
"""The loudness of broadcasts (EBU R 128); excerpts with higher peaks stay below it."""

_GATE_SECONDS = 0.4
_HEADROOM_DB = 12.0
_FADE_SECONDS = 0.01
_FULL_SCALE = 1 - 2**-15  # the largest sample of 16 bits


@dataclass(frozen=True)
class Sound:
    """A sound scaled to full scale as 16-bit FLAC.

    gain: what it is played with, in [0, 1], so that all sounds of an excerpt are equally loud and
    none clips. boost_db: how much louder that makes it than it is.
    """

    flac: bytes
    gain: float
    boost_db: float


def equally_loud(signals: Mapping[str, Tensor], sample_rate: int) -> dict[str, Sound]:
    """Signals (C, T) of one excerpt, by name, as sounds of the same loudness.

    It is the highest at which no peak clips, at most MOST_LUFS. A signal too quiet to have a
    loudness stays silent.
    """
    peaks = {name: signal.abs().max().item() for name, signal in signals.items()}
    whole = {name: signal / (peaks[name] or 1) for name, signal in signals.items()}
    levels = {name: loudness(signal, sample_rate) for name, signal in whole.items()}
    target = min([MOST_LUFS, *(level for level in levels.values() if math.isfinite(level))])
    sounds = {}
    for name, level in levels.items():
        gain = 10 ** ((target - level) / 20) if math.isfinite(level) else 0.0
        boost = gain / peaks[name] if peaks[name] else 0.0
        boost_db = 20 * math.log10(boost) if boost else 0.0
        flac = as_flac(with_soft_ends(whole[name], sample_rate), sample_rate)
        sounds[name] = Sound(flac, gain, boost_db)
    return sounds


def loudness(signal: Tensor, sample_rate: int) -> float:
    """Loudness of (C, T), peaks at most 1, in LUFS after ITU-R BS.1770-4; NaN below -58."""
    lacking = math.ceil(_GATE_SECONDS * sample_rate) - signal.shape[-1]
    padded = F.pad(signal, (0, max(0, lacking)))
    # torchaudio's filters clip at full scale, and the weighting raises high frequencies.
    lowered = bs1770_loudness(padded * 10 ** (-_HEADROOM_DB / 20), sample_rate)
    return float(lowered) + _HEADROOM_DB


def with_soft_ends(signal: Tensor, sample_rate: int) -> Tensor:
    """(C, T) with the first and last 10 ms faded, so that it can be looped without a click."""
    fade = torch.linspace(0, 1, min(round(_FADE_SECONDS * sample_rate), signal.shape[-1]))
    faded = signal.clone()
    faded[:, : len(fade)] *= fade
    faded[:, signal.shape[-1] - len(fade) :] *= fade.flip(0)
    return faded


def as_flac(signal: Tensor, sample_rate: int) -> bytes:
    """A signal (C, T) in [-1, 1] as a FLAC file of 16 bits, which every browser decodes."""
    buffer = io.BytesIO()
    samples = signal.mul(_FULL_SCALE).T.numpy()  # (T, C)
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def sound_script(name: str, sounds: Mapping[str, Sound]) -> str:
    """A script that puts the sounds, by their names, under excerptSounds[name]."""
    encoded = {key: base64.b64encode(sound.flac).decode() for key, sound in sounds.items()}
    return f"(window.excerptSounds ??= {{}})[{json.dumps(name)}] = {json.dumps(encoded)};\n"
