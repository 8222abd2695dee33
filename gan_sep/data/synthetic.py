"""Synthetic songs, made from a seed without files or network: the data of the demo and of tests.

Four stems that share tempo, key and chords as music does, in stereo: drums of noise bursts and
decaying sines, a bass, chords, and a voice of formants with vibrato, consonants and rests between
phrases. They are not music to compare separators by; they show that a set-up learns.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data import instruments
from gan_sep.data.base import SPLITS, Split, Track, require_sources
from gan_sep.data.memory import remember
from gan_sep.data.score import Score, compose
from gan_sep.random import draw
from gan_sep.ranges import at_least, between

Player = Callable[[instruments.Stage, Score], None]

SOURCES = ("drums", "bass", "other", "vocals")

# Every stem is equally loud but for a little chance, and the mixture stays below full scale.
STEM_RMS = 0.08
LEVEL_SPREAD_DB = 1.5
PEAK = 0.95
LONGEST_SECONDS = 600  # a song is made whole


@dataclass(frozen=True)
class Counts:
    """Songs of each split."""

    train: int = 24  # songs to learn from
    valid: int = 4  # songs that choose the best weights
    test: int = 6  # songs of the comparison

    def __post_init__(self) -> None:
        at_least(1, self, *SPLITS)


@dataclass(frozen=True)
class Config:
    """Songs made at the experiment's rate when first read.

    Beyond memory_gb each read makes its song again; stereo at 44.1 kHz takes 1.4 MB a second.
    """

    tracks: Counts = field(default_factory=Counts)  # of each split
    seconds: float = 20.0  # of every song
    seed: int = 0  # makes the songs
    memory_gb: float = 1.0  # of decoded material kept, 10^9 bytes a split and process

    sources: ClassVar[tuple[str, ...] | None] = SOURCES

    def __post_init__(self) -> None:
        between(1, LONGEST_SECONDS, self, "seconds")
        at_least(0, self, "seed", "memory_gb")

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The songs of one split; no song is in two. See `DataConfig.build`."""
        require_sources("synthetic", SOURCES, audio)
        count = getattr(self.tracks, split)
        songs = [Song(split, number, self.seconds, self.seed, audio) for number in range(count)]
        return remember(songs, audio, self.memory_gb)


class Song(Track):
    """A song made anew at each read, from the seed, its split and its number alone."""

    def __init__(
        self, split: Split, number: int, seconds: float, seed: int, audio: AudioFormat
    ) -> None:
        self.name = f"{split}-{number:04}"
        self.num_samples = audio.samples(seconds)
        self._key = (SPLITS.index(split), number)
        self._seconds, self._seed, self._audio = seconds, seed, audio

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read`."""
        stop = self.stop(start, num_samples)
        stems = self._render()
        sources = np.stack([stems[source][:, start:stop] for source in self._audio.sources])
        return torch.from_numpy(sources)  # (S, C, T)

    def _render(self) -> dict[str, np.ndarray]:
        """Source name -> stem (C, T), at the levels of a mixture below full scale."""
        chance = draw(self._seed, "song", *self._key)
        score = compose(chance, self._seconds)
        other = partial(instruments.other, brightness=chance.uniform(0, 0.6))
        players: tuple[Player, ...] = (
            instruments.drums,
            instruments.bass,
            other,
            instruments.vocals,
        )
        stems = {}
        for source, player in zip(SOURCES, players, strict=True):
            rate, channels = self._audio.sample_rate, self._audio.channels
            stage = instruments.Stage(chance, rate, channels, self._seconds)
            player(stage, score)
            stems[source] = stage.signal * _level(stage.signal, chance)
        peak = np.abs(sum(stems.values())).max()
        return {k: stem * np.float32(min(1, PEAK / peak)) for k, stem in stems.items()}


def _level(stem: np.ndarray, chance: np.random.Generator) -> np.float32:
    """The gain that brings a stem to its RMS in the mixture."""
    rms = np.sqrt(np.mean(np.square(stem)))
    decibels = chance.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB)
    return np.float32(STEM_RMS * 10 ** (decibels / 20) / rms)
