"""Endless seeded streams of segments.

Item i of a stream is a pure function of (seed, i), so that a resumed run needs no data state and
any number of processes sees the same global batches.
"""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from gan_sep.data.base import Track
from gan_sep.random import draw

Item = TypeVar("Item", covariant=True)


class Segments(Protocol[Item]):
    """An endless stream of items, any of which can be asked for by its position."""

    def __getitem__(self, position: int) -> Item: ...


def _require_long_enough(tracks: Sequence[Track], num_samples: int) -> None:
    for track in tracks:
        if track.num_samples < num_samples:
            raise ValueError(
                f"track {track.name!r}: expected at least one segment of {num_samples} samples, "
                f"got {track.num_samples}; choose a smaller training.segment_seconds or "
                "augment.shift.seconds, or leave the track out"
            )


def _start(generator: np.random.Generator, track: Track, num_samples: int) -> int:
    return int(generator.integers(track.num_samples - num_samples + 1))


@lru_cache(maxsize=4)
def _epoch_order(num_tracks: int, seed: int, purpose: str, epoch: int) -> np.ndarray:
    return draw(seed, purpose, epoch).permutation(num_tracks)


class PairedSegments:
    """Segments (S, C, T) of tracks whose stems are known: item i -> sources.

    Each epoch is a seeded permutation of the tracks, with one segment of each at a uniform start.
    Raises ValueError without tracks, or where a track is shorter than a segment.
    """

    def __init__(self, tracks: Sequence[Track], num_samples: int, seed: int) -> None:
        if not tracks:
            raise ValueError("paired segments: expected at least one track to train on, got none")
        _require_long_enough(tracks, num_samples)
        self._tracks, self._num_samples, self._seed = list(tracks), num_samples, seed

    def track(self, position: int) -> Track:
        """The track that item `position` is a segment of."""
        epoch, index = divmod(position, len(self._tracks))
        order = _epoch_order(len(self._tracks), self._seed, "paired order", epoch)
        return self._tracks[order[index]]

    def __getitem__(self, position: int) -> Tensor:
        track = self.track(position)
        start = _start(draw(self._seed, "paired start", position), track, self._num_samples)
        return track.read(start, self._num_samples)  # (S, C, T)


class Stem(NamedTuple):
    """One source of a track: position `source` of its axis S."""

    track: Track
    source: int


class UnpairedSegment(NamedTuple):
    """mixture (C, T), whose stems nobody sees, and real stems (S, C, T) of other tracks than it."""

    mixture: Tensor
    stems: Tensor


class UnpairedSegments:
    """Mixtures and real stems that do not belong together: item i -> UnpairedSegment.

    mixtures are tracks whose sources are summed (a mixture without stems is a track of one source);
    stems hold, for each source, what it may be drawn from. Each stem is drawn on its own, uniformly
    among those of another track (by name) than the mixture. Item i's mixture is of no track named
    in paired_beside(i); a mixture that is its turn all the same gives way to another one. Raises
    ValueError where a pool is empty, a mixture leaves no stem to draw, or a track is shorter than a
    segment; and on an item whose every mixture is paired beside it.
    """

    def __init__(
        self,
        mixtures: Sequence[Track],
        stems: Sequence[Sequence[Stem]],
        num_samples: int,
        seed: int,
        paired_beside: Callable[[int], Collection[str]] = lambda position: (),
    ) -> None:
        if not mixtures or not stems:
            raise ValueError(
                "unpaired segments: expected mixtures and stems to draw from, got none"
            )
        _require_long_enough(
            [*mixtures, *(stem.track for pool in stems for stem in pool)], num_samples
        )
        for mixture in mixtures:
            for index, pool in enumerate(stems):
                if not _of_other_tracks(pool, mixture):
                    raise ValueError(
                        f"unpaired segments: no stem of source {index} comes from another track "
                        f"than the mixture {mixture.name!r}; add stems or mixtures"
                    )
        self._mixtures, self._stems = list(mixtures), [list(pool) for pool in stems]
        self._num_samples, self._seed = num_samples, seed
        self._paired_beside = paired_beside

    def mixture(self, position: int) -> Track:
        """The track whose sources sum to the mixture of item `position`."""
        epoch, index = divmod(position, len(self._mixtures))
        order = _epoch_order(len(self._mixtures), self._seed, "unpaired order", epoch)
        mixture, paired = self._mixtures[order[index]], self._paired_beside(position)
        if mixture.name not in paired:
            return mixture
        others = [track for track in self._mixtures if track.name not in paired]
        if not others:
            raise ValueError(
                f"unpaired: expected a mixture whose stems the step does not see, but all "
                f"{len(self._mixtures)} are paired in it; choose a smaller training.batch_size or "
                f"set tracks aside (unpaired.set_aside)"
            )
        return others[draw(self._seed, "unpaired instead", position).integers(len(others))]

    def __getitem__(self, position: int) -> UnpairedSegment:
        mixture = self.mixture(position)
        generator = draw(self._seed, "unpaired segment", position)
        start = _start(generator, mixture, self._num_samples)
        signal = mixture.read(start, self._num_samples).sum(0)  # (C, T)
        stems = [self._draw_stem(pool, mixture, generator) for pool in self._stems]
        return UnpairedSegment(signal, torch.stack(stems))  # (C, T), (S, C, T)

    def _draw_stem(
        self, pool: Sequence[Stem], mixture: Track, generator: np.random.Generator
    ) -> Tensor:
        others = _of_other_tracks(pool, mixture)
        track, source = others[generator.integers(len(others))]
        start = _start(generator, track, self._num_samples)
        return track.read_source(source, start, self._num_samples)  # (C, T)


def _of_other_tracks(pool: Sequence[Stem], mixture: Track) -> list[Stem]:
    return [stem for stem in pool if stem.track.name != mixture.name]
