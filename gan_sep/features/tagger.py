"""A small network of the music-tagging VGG's kind that tells which stems sound.

`python experiments/tagger.py` trains it on the songs of a configuration: a control beside a network
that was trained on other music. Without a file its weights are random, which is the second control.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gan_sep.features.base import FeatureConfig, Features, fill, read_weights
from gan_sep.features.layers.music_tagging import MusicTagging


@dataclass(frozen=True)
class Config(FeatureConfig):
    """Five layers of `channels`; 16 kHz."""

    channels: int = 32  # of each layer
    stems: int = 4  # that it tells from each other
    weights: Path | None = None  # what experiments/tagger.py wrote; null: random

    @classmethod
    def tiny(cls) -> Self:
        return cls(channels=8)

    def network(self) -> Features:
        network = MusicTagging(self.channels, self.stems)
        if self.weights is not None:
            fill(network, read_weights(self.weights), self.weights)
        return network
