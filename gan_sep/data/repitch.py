"""Segments played at another pitch and tempo, all sources of a segment alike.

The sources are changed one by one and their mixture is made from them afterwards: stretching is not
linear, so the changed mixture would not be the sum of the changed sources.

Source: Défossez, Usunier, Bottou, Bach, Music source separation in the waveform domain, the release
of 2021 (Demucs v2), which calls the program soundstretch. Here it is Signalsmith Stretch (package
python-stretch), which has no setting for voices as soundstretch has, and reads no files.
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from gan_sep.data.segments import Segments
from gan_sep.random import draw
from gan_sep.ranges import at_least, below_one, share

_PHASES = 0  # the seed of the phases that stretching draws


@dataclass(frozen=True)
class Repitch:
    """Sources in another pitch and tempo, drawn once for a segment; the defaults are published."""

    probability: float = 0.2  # of every segment
    semitones: int = 2  # the pitch moves by a whole number of them from -semitones to semitones
    tempo_deviation: float = 0.05  # standard deviation of the normal change of tempo
    tempo_limit: float = 0.12  # the largest change of tempo, to which larger ones are cut

    def __post_init__(self) -> None:
        share(self, "probability")
        at_least(0, self, "semitones", "tempo_deviation")
        below_one(self, "tempo_limit")

    def longest(self, num_samples: int) -> int:
        """How many samples must be read for a segment of num_samples at the fastest tempo."""
        return math.ceil(num_samples * (1 + self.tempo_limit))

    def drawn(self, chance: np.random.Generator) -> tuple[int, float] | None:
        """Semitones and tempo (1 as played) of a segment; None where it stays as it was played."""
        if chance.random() >= self.probability:
            return None
        semitones = int(chance.integers(-self.semitones, self.semitones + 1))
        change = np.clip(
            chance.normal(0, self.tempo_deviation), -self.tempo_limit, self.tempo_limit
        )
        return None if semitones == 0 and change == 0 else (semitones, 1 + float(change))


class Repitched:
    """A stream of sources, each item (S, C, T) played anew or not: item i -> (S, C, num_samples).

    segments: items of at least `settings.longest(num_samples)` samples. What is drawn for an item
    depends on the seed and its position alone. Raises ModuleNotFoundError without python-stretch.
    """

    def __init__(
        self,
        segments: Segments[Tensor],
        settings: Repitch,
        num_samples: int,
        sample_rate: int,
        seed: int,
    ) -> None:
        if find_spec("python_stretch") is None:
            raise ModuleNotFoundError(
                "augment.repitch: expected the package python-stretch, which is not installed; "
                "pip install python-stretch, or leave repitch out"
            )
        self._segments, self._settings, self._seed = segments, settings, seed
        self._num_samples, self._rate = num_samples, sample_rate

    def __getitem__(self, position: int) -> Tensor:
        sources = self._segments[position]  # (S, C, T)
        drawn = self._settings.drawn(draw(self._seed, "repitch", position))
        if drawn is None:
            return sources[..., : self._num_samples]
        played = repitch(sources, *drawn, self._rate)
        return played[..., : self._num_samples]


def repitch(sources: Tensor, semitones: float, tempo: float, sample_rate: int) -> Tensor:
    """Sources (S, C, T) in another pitch, and faster where tempo > 1: (S, C, round(T / tempo)).

    Every source is changed alone, its channels together; silence stays silent.
    """
    from python_stretch.Signalsmith import Stretch

    played = []
    for source in sources:
        stretch = Stretch(_PHASES)
        stretch.preset(len(source), sample_rate)
        stretch.setTransposeSemitones(semitones)
        stretch.setTimeFactor(tempo)
        # It reads a block of memory, whatever the array's strides are.
        played.append(torch.from_numpy(stretch.process(source.float().contiguous().numpy())))
    return torch.stack(played)
