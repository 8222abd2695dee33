"""The contract of data sets: tracks of named sources, read by seeking."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from gan_sep.audio import AudioFormat

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")

MOST_OFFENDERS = 10  # of a message


Check = Literal["full", "headers"]


class DataError(ValueError):
    """Everything that is wrong with some data, in one message: ten offenders, then a count.

    opened: the tracks beside them; files: those of tracks that could not be opened.
    """

    def __init__(
        self,
        offenders: Sequence[str],
        opened: Sequence["Track"] = (),
        files: Sequence[Path] = (),
    ) -> None:
        self.offenders, self.opened, self.files = tuple(offenders), tuple(opened), tuple(files)
        lines = [f"{len(offenders)} problems with the data:", *offenders[:MOST_OFFENDERS]]
        if len(offenders) > MOST_OFFENDERS:
            lines.append(f"and {len(offenders) - MOST_OFFENDERS} more")
        super().__init__(offenders[0] if len(offenders) == 1 else "\n    ".join(lines))

    @staticmethod
    def raise_for(
        offenders: Sequence[str], opened: Sequence["Track"] = (), files: Sequence[Path] = ()
    ) -> None:
        """Raises DataError where there are offenders, each said once."""
        if offenders:
            raise DataError(list(dict.fromkeys(offenders)), opened, files)


class Track(ABC):
    """A song whose sources can be read piece by piece in the experiment's audio format.

    name is unique in its data set; num_samples counts samples at the experiment's rate; files are
    those it is read from, none for a synthetic song.
    """

    name: str
    num_samples: int
    files: tuple[Path, ...] = ()

    @abstractmethod
    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """Sources (S, C, T), float32, order of `AudioFormat.sources`; by default the whole track.

        start and num_samples count samples at the experiment's rate; reading twice gives the same
        bits. Raises ValueError where the range leaves the track.
        """

    def read_source(self, index: int, start: int = 0, num_samples: int | None = None) -> Tensor:
        """The signal (C, T) of the source at `index` on axis S, as `read` gives it."""
        return self.read(start, num_samples)[index]  # (C, T)

    def stop(self, start: int, num_samples: int | None) -> int:
        """The end of the range that `read` was asked for; ValueError where it leaves the track."""
        stop = self.num_samples if num_samples is None else start + num_samples
        if not 0 <= start < stop <= self.num_samples:
            raise ValueError(
                f"track {self.name!r}: expected a piece within its {self.num_samples} samples, "
                f"got {start} to {stop}"
            )
        return stop


class DataConfig(Protocol):
    """What a data set's `Config` dataclass offers; its fields are the YAML keys under `data`.

    sources names what the data set holds, None where its files decide.
    """

    sources: ClassVar[tuple[str, ...] | None]

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The tracks of one split, sorted by name; never empty.

        Raises FileNotFoundError or ValueError naming the path, what was expected and what was
        found.
        """


def require_sources(data_name: str, offered: tuple[str, ...], audio: AudioFormat) -> None:
    """ValueError unless the experiment asks for exactly the offered sources, in any order."""
    if set(audio.sources) != set(offered):
        raise ValueError(
            f"audio.sources: data set {data_name} has the sources {', '.join(offered)}, "
            f"got {', '.join(audio.sources)}"
        )
