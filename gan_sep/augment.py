"""Augmentation of a batch of sources, on the device it lies on, before the mixture is made.

A transform is a dataclass of its options, called with sources (B, S, C, T), chance and the audio
format; the section `augment` has a field for each, and they act in the order of its fields. A new
one is a class and a field. What chance decides is drawn on the CPU from (seed, number of the group
in the endless stream of segments), under the field's name: a segment is augmented alike whatever
process or batch it falls in, and no transform changes what another draws.

Source: shift, flip, swap and remix from Défossez et al., Music source separation in the waveform
domain, 2019; gain from Uhlich et al., Improving music source separation based on deep neural
networks through data augmentation and network blending, 2017; circular shift from Huang et al.,
Joint optimization of masks and deep recurrent neural networks for monaural source separation, 2015,
who turn one channel of whole clips and train on every multiple of 10,000 samples; here segments are
turned, each by a new multiple whenever a step meets it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data.repitch import Repitch
from gan_sep.random import draw
from gan_sep.ranges import at_least, positive, share

_PURPOSE = int.from_bytes(b"augment")
# Runs of all versions share these numbers: they come from one generator, in this order.
_DRAWN_TOGETHER = ("shift", "flip_sign", "swap_channels", "gain")


class Chance:
    """What is drawn for the segments of a batch and their sources.

    first_item is the place of the batch's first segment in the stream; groups of `group` segments
    have a generator each.
    """

    def __init__(self, sources: Tensor, seed: int, first_item: int, group: int) -> None:
        self._B, self._S = sources.shape[:2]
        self._device, self._seed, self._size = sources.device, seed, group
        self._groups = range(first_item // group, first_item // group + self._B // group)
        self._together: dict[str, Tensor] = {}

    def uniform(self, name: str) -> Tensor:
        """Numbers in [0, 1) for a transform: (B, S)."""
        if not self._together:
            self._draw_together()
        if name in self._together:
            return self._together[name].to(self._device)
        shape = self._size, self._S
        drawn = [draw(self._seed, f"augment {name}", group).random(shape) for group in self._groups]
        return torch.from_numpy(np.concatenate(drawn)).to(self._device)  # (B, S)

    def origins(self) -> Tensor:
        """The segment that each source is taken from, permuted within its group: (B, S)."""
        if not self._together:
            self._draw_together()
        return self._together["remix"].to(self._device)

    def _draw_together(self) -> None:
        size, S = self._size, self._S
        uniforms, origins = [], []
        for index, group in enumerate(self._groups):
            rng = np.random.default_rng((self._seed, _PURPOSE, group))
            first = rng.random((len(_DRAWN_TOGETHER), size, S))
            members = np.repeat(np.arange(index * size, (index + 1) * size)[:, None], S, axis=1)
            origins.append(rng.permuted(members, axis=0))  # (size, S)
            uniforms.append(np.concatenate([first, rng.random((1, size, S))]))  # (5, size, S)
        numbers = torch.from_numpy(np.concatenate(uniforms, axis=1))  # (5, B, S)
        self._together = dict(zip((*_DRAWN_TOGETHER, "circular_shift"), numbers, strict=True))
        self._together["remix"] = torch.from_numpy(np.concatenate(origins))


class Transform(Protocol):
    """What an augmentation does: sources (B, S, C, T) -> sources (B, S, C, T' <= T)."""

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor: ...


@dataclass(frozen=True)
class Shift:
    """Every source begins at its own start, U{0 ... seconds}, of a longer read."""

    seconds: float = 1.0  # the longest shift

    def __post_init__(self) -> None:
        at_least(0, self, "seconds")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        B, S, _, read = sources.shape
        shift = audio.samples(self.seconds)
        if read <= shift:
            raise ValueError(
                f"augment.shift.seconds: expected segments longer than the shift of {shift} "
                f"samples, got {read}; read the segment's samples plus the shift"
            )
        starts = (chance.uniform("shift") * (shift + 1)).long()  # (B, S)
        crops = sources.unfold(-1, read - shift, 1)  # (B, S, C, shift + 1, T), a view
        items = torch.arange(B, device=sources.device)[:, None]  # (B, 1)
        return crops[items, torch.arange(S, device=sources.device), :, starts]  # (B, S, C, T)


@dataclass(frozen=True)
class CircularShift:
    """Every source but the first is turned round within its segment by its own multiple."""

    seconds: float  # of which all multiples below the segment's length are equally likely

    def __post_init__(self) -> None:
        positive(self, "seconds")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        length, unit = sources.shape[-1], audio.samples(self.seconds)
        if not 0 < unit < length:
            raise ValueError(
                f"augment.circular_shift.seconds: expected at least one sample and less than the "
                f"segment's {length}, got {self.seconds} s, {unit} samples"
            )
        multiples = chance.uniform("circular_shift") * math.ceil(length / unit)
        shifts = unit * multiples.long()  # (B, S)
        shifts[:, 0] = 0
        time = torch.arange(length, device=sources.device)  # (T,)
        origin = (time - shifts[..., None]) % length  # (B, S, T)
        return sources.gather(-1, origin[:, :, None].expand_as(sources))


@dataclass(frozen=True)
class SwapChannels:
    """Left and right are exchanged; nothing happens to mono."""

    probability: float = 0.5  # of every source

    def __post_init__(self) -> None:
        share(self, "probability")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        swapped = (chance.uniform("swap_channels") < self.probability)[:, :, None, None]
        return torch.where(swapped, sources.flip(2), sources)


@dataclass(frozen=True)
class FlipSign:
    """Times -1."""

    probability: float = 0.5  # of every source

    def __post_init__(self) -> None:
        share(self, "probability")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        sign = torch.where(chance.uniform("flip_sign") < self.probability, -1.0, 1.0)  # (B, S)
        return sources * sign.to(sources.dtype)[:, :, None, None]


@dataclass(frozen=True)
class Gain:
    """Times U(low, high), drawn for every source."""

    low: float = 0.25  # the lowest factor
    high: float = 1.25  # the highest factor

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise ValueError(f"low: expected 0 < low <= high, got {[self.low, self.high]}")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        factor = self.low + (self.high - self.low) * chance.uniform("gain")  # (B, S)
        return sources * factor.to(sources.dtype)[:, :, None, None]


@dataclass(frozen=True)
class Remix:
    """In groups of consecutive segments every source is permuted over the group.

    All permutations are equally likely: mixtures of sources that never played together.
    """

    group: int = 4  # segments that exchange sources

    def __post_init__(self) -> None:
        at_least(1, self, "group")

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        return sources[chance.origins(), torch.arange(sources.shape[1], device=sources.device)]


@dataclass(frozen=True)
class Augmentation:
    """The transforms in the order in which they act; the defaults are those of Demucs v1.

    What is null does not act. Raises ValueError naming the option that is out of range.
    """

    shift: Shift | None = field(default_factory=Shift)  # crops from a longer read
    circular_shift: CircularShift | None = None  # turns sources round within the segment
    swap_channels: SwapChannels | None = field(default_factory=SwapChannels)  # left and right
    flip_sign: FlipSign | None = field(default_factory=FlipSign)  # times -1
    gain: Gain | None = None  # times a random factor
    remix: Remix | None = field(default_factory=Remix)  # mixtures of sources of several segments
    # Pitch and tempo of whole segments; acts first, while reading, in the threads that read ahead.
    repitch: Repitch | None = None

    @property
    def group(self) -> int:
        """Segments that must stay together in one batch, at least 1."""
        return self.remix.group if self.remix else 1

    @property
    def reserve_seconds(self) -> float:
        """What is read beyond a segment, for shifts."""
        return self.shift.seconds if self.shift else 0.0

    def samples_read(self, num_samples: int) -> int:
        """What must be read for paired segments of num_samples, shifts included."""
        return num_samples if self.repitch is None else self.repitch.longest(num_samples)

    def __iter__(self) -> Iterator[Transform]:
        """The transforms of batches that act, in their order."""
        names = (each.name for each in fields(self) if each.name != "repitch")
        return (step for name in names if (step := getattr(self, name)) is not None)


def augment(
    sources: Tensor, settings: Augmentation, audio: AudioFormat, seed: int, first_item: int
) -> Tensor:
    """Sources (B, S, C, T + reserve) -> (B, S, C, T); reserve: of `reserve_seconds`.

    first_item is the place of the batch's first segment in the stream of training segments.
    Raises ValueError where B or first_item is no multiple of the remix group, where the segments
    are not longer than the shift, or where T holds no multiple of the circular shift.
    """
    B, size = sources.shape[0], settings.group
    if B % size or first_item % size:
        raise ValueError(
            f"augment.remix.group: expected a batch and a first item that are multiples of {size}, "
            f"got a batch of {B} from item {first_item}; change the batch of a process or the group"
        )
    chance = Chance(sources, seed, first_item, size)
    for transform in settings:
        sources = transform(sources, chance, audio)
    return sources
