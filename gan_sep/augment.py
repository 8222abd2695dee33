"""Augmentation of a batch of sources, on the device it lies on, before the mixture is made.

In this order, each drawn independently for every segment and source:

    shift           a crop that starts U{0 ... shift samples} into a longer read
    circular_shift  every source but the first turned round within its segment by a multiple of so
                    many seconds, all multiples below the segment's length equally likely
    sign_flip       times -1 with this probability
    channel_swap    left and right exchanged with this probability; nothing happens to mono
    gain            times U(low, high)
    remix           in groups of consecutive segments, every source is permuted over the group, all
                    permutations equally likely: mixtures of sources that never played together

Random numbers are drawn on the CPU from (seed, number of the group in the endless stream of
segments): a segment is augmented alike whatever process or batch it falls in. Every number is drawn
whether or not its augmentation is on, so that turning one off leaves the others as they were, and
what is drawn later than the others of its group came later to this file.

Source: shift, flip, swap and remix from Défossez et al., Music source separation in the waveform
domain, 2019; gain from Uhlich et al., Improving music source separation based on deep neural
networks through data augmentation and network blending, 2017; circular shift from Huang et al.,
Joint optimization of masks and deep recurrent neural networks for monaural source separation, 2015,
who turn one channel of whole clips and train on every multiple of 10,000 samples; here segments are
turned, each by a new multiple whenever a step meets it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat

_PURPOSE = int.from_bytes(b"augment")  # keeps this stream apart from others of the same seed


@dataclass(frozen=True)
class Augmentation:
    """How much of each augmentation; the defaults are those of Demucs v1.

    sign_flip and channel_swap are probabilities; gain, the lowest and the highest factor;
    shift_seconds, the longest shift; remix_group, the number of segments that exchange sources,
    0 for none; circular_shift_seconds, what a source is turned round by multiples of, 0 for none.
    Raises ValueError naming the field that is out of range.
    """

    sign_flip: float = 0.5
    channel_swap: float = 0.5
    gain: tuple[float, float] = (1.0, 1.0)
    shift_seconds: float = 1.0
    remix_group: int = 4
    circular_shift_seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("sign_flip", "channel_swap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name}: expected a probability from 0 to 1, got {getattr(self, name)}"
                )
        low, high = self.gain
        if not 0 < low <= high:
            raise ValueError(f"gain: expected 0 < low <= high, got {list(self.gain)}")
        for name in ("shift_seconds", "circular_shift_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected at least 0, got {getattr(self, name)}")
        if self.remix_group < 0:
            raise ValueError(f"remix_group: expected 0 (none) or more, got {self.remix_group}")

    @property
    def group(self) -> int:
        """Segments that must stay together in one batch, at least 1."""
        return max(self.remix_group, 1)


@dataclass(frozen=True)
class _Draws:
    """What chance decides for a batch: each (B, S), all but the first uniform in [0, 1)."""

    origin: Tensor  # the segment of the batch that the source comes from
    shift: Tensor
    sign_flip: Tensor
    channel_swap: Tensor
    gain: Tensor
    circular_shift: Tensor


def augment(
    sources: Tensor, settings: Augmentation, audio: AudioFormat, seed: int, first_item: int
) -> Tensor:
    """Sources (B, S, C, T + shift) -> (B, S, C, T), shift being `audio.samples(shift_seconds)`.

    first_item is the place of the batch's first segment in the stream of training segments.
    Raises ValueError where B or first_item is no multiple of the remix group, where the segments
    are not longer than the shift, or where T holds no multiple of the circular shift.
    """
    _check(sources, settings, audio, first_item)
    draws = _draw(sources, settings, seed, first_item)
    sources = _shift(sources, draws.shift, audio.samples(settings.shift_seconds))  # (B, S, C, T)
    if settings.circular_shift_seconds:
        unit = audio.samples(settings.circular_shift_seconds)
        sources = _circular_shift(sources, draws.circular_shift, unit)
    swapped = (draws.channel_swap < settings.channel_swap)[:, :, None, None]  # (B, S, 1, 1)
    sources = torch.where(swapped, sources.flip(2), sources)
    low, high = settings.gain
    sign = torch.where(draws.sign_flip < settings.sign_flip, -1.0, 1.0)  # (B, S)
    factor = sign * (low + (high - low) * draws.gain)  # (B, S)
    sources = sources * factor.to(sources.dtype)[:, :, None, None]
    return sources[draws.origin, torch.arange(sources.shape[1], device=sources.device)]


def _shift(sources: Tensor, uniform: Tensor, shift: int) -> Tensor:
    """Each source from its own start in 0 ... shift: (B, S, C, T + shift) -> (B, S, C, T)."""
    B, S, _, read = sources.shape
    starts = (uniform * (shift + 1)).long()  # (B, S)
    crops = sources.unfold(-1, read - shift, 1)  # (B, S, C, shift + 1, T), a view
    items = torch.arange(B, device=sources.device)[:, None]  # (B, 1)
    return crops[items, torch.arange(S, device=sources.device), :, starts]  # (B, S, C, T)


def _circular_shift(sources: Tensor, uniform: Tensor, unit: int) -> Tensor:
    """Each source but the first turned round by its own multiple of `unit` samples below T."""
    length = sources.shape[-1]
    shifts = unit * (uniform * math.ceil(length / unit)).long()  # (B, S)
    shifts[:, 0] = 0
    time = torch.arange(length, device=sources.device)  # (T,)
    origin = (time - shifts[..., None]) % length  # (B, S, T)
    return sources.gather(-1, origin[:, :, None].expand_as(sources))


def _draw(sources: Tensor, settings: Augmentation, seed: int, first_item: int) -> _Draws:
    B, S = sources.shape[:2]
    size = settings.group
    uniforms, origins = [], []
    for start in range(0, B, size):
        rng = np.random.default_rng((seed, _PURPOSE, (first_item + start) // size))
        first = rng.random((4, size, S))
        members = np.repeat(np.arange(start, start + size)[:, None], S, axis=1)  # (size, S)
        origins.append(rng.permuted(members, axis=0))
        uniforms.append(np.concatenate([first, rng.random((1, size, S))]))  # (5, size, S)
    uniform = torch.from_numpy(np.concatenate(uniforms, axis=1))  # (5, B, S)
    origin = torch.from_numpy(np.concatenate(origins))  # (B, S)
    return _Draws(origin.to(sources.device), *uniform.to(sources.device))


def _check(sources: Tensor, settings: Augmentation, audio: AudioFormat, first_item: int) -> None:
    B, read, size = sources.shape[0], sources.shape[-1], settings.group
    if B % size or first_item % size:
        raise ValueError(
            f"remix_group: expected a batch and a first item that are multiples of {size}, got "
            f"a batch of {B} from item {first_item}; change the batch of a process or the group"
        )
    shift = audio.samples(settings.shift_seconds)
    if read <= shift:
        raise ValueError(
            f"shift_seconds: expected segments longer than the shift of {shift} samples, got "
            f"{read}; read the segment's samples plus the shift"
        )
    unit = audio.samples(settings.circular_shift_seconds)
    if settings.circular_shift_seconds and not 0 < unit < read - shift:
        raise ValueError(
            f"circular_shift_seconds: expected 0 (none), or at least one sample and less than the "
            f"segment's {read - shift}, got {settings.circular_shift_seconds} s, {unit} samples"
        )
