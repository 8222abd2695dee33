"""The contract of data sets: tracks of named sources, read by seeking."""

from abc import ABC, abstractmethod
from typing import Literal, Protocol

from torch import Tensor

from gan_sep.audio import AudioFormat

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


class Track(ABC):
    """A song whose sources can be read piece by piece in the experiment's audio format.

    name is unique in its data set; num_samples counts samples at the experiment's rate.
    """

    name: str
    num_samples: int

    @abstractmethod
    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Sources (S, C, T), float32, order of `AudioFormat.sources`; by default the whole track.

        start and num_samples count samples at the experiment's rate; reading twice gives the same
        bits. Raises ValueError where the range leaves the track.
        """


class DataConfig(Protocol):
    """What a data set's `Config` dataclass offers; its fields are the YAML keys under `data`."""

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The tracks of one split, sorted by name; never empty.

        Raises FileNotFoundError or ValueError naming the path, what was expected and what was found.
        """
        ...
