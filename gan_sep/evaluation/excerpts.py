"""Excerpts to listen to: of a few tracks the most telling stretch, as an arm separated it.

    FOLDER/TRACK/excerpt.json         track, start, sample rate, sources; written last
    FOLDER/TRACK/mixture.wav
    FOLDER/TRACK/reference-SOURCE.wav, estimate-SOURCE.wav

32-bit floats: exactly the samples that were scored, also beyond full scale.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from gan_sep import audio
from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.scores import ExcerptSettings
from gan_sep.evaluation.separate import OverlapAdd
from gan_sep.names import file_name
from gan_sep.runs import json_text, reading_file, write_text

_DESCRIPTION = "excerpt.json"
_STARTS_PER_SECOND = 4


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a track: start counts samples; signals (C, T) are read when asked for."""

    folder: Path
    track: str
    start: int
    sample_rate: int
    sources: tuple[str, ...]

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Raises ValueError where the folder's description is damaged."""
        path = folder / _DESCRIPTION
        with reading_file(path, "an excerpt's description; delete its folder and evaluate again"):
            stored = json.loads(path.read_text("utf-8"))
            return cls(
                folder,
                str(stored["track"]),
                int(stored["start"]),
                int(stored["sample_rate"]),
                tuple(stored["sources"]),
            )

    def mixture(self) -> Tensor:
        """(C, T). Raises FileNotFoundError or ValueError as `audio.read` does; so do the others."""
        return self._read("mixture")

    def reference(self, source: str) -> Tensor:
        """(C, T)"""
        return self._read(f"reference-{source}")

    def estimate(self, source: str) -> Tensor:
        """(C, T)"""
        return self._read(f"estimate-{source}")

    def write(self, mixture: Tensor, references: Tensor, estimates: Tensor) -> None:
        """mixture: (C, T); references, estimates: (S, C, T) in the order of `sources`."""
        audio.write(self._path("mixture"), mixture, self.sample_rate)
        for source, reference, estimate in zip(self.sources, references, estimates, strict=True):
            audio.write(self._path(f"reference-{source}"), reference, self.sample_rate)
            audio.write(self._path(f"estimate-{source}"), estimate, self.sample_rate)

    def _read(self, name: str) -> Tensor:
        path = self._path(name)
        return audio.read(path, self.sample_rate, audio.read_header(path).channels)

    def _path(self, name: str) -> Path:
        return self.folder / f"{file_name(name)}.wav"


def read_excerpts(folder: Path) -> list[Excerpt]:
    """The finished excerpts below a folder, by track; none where there is no folder.

    Raises ValueError where a description is damaged.
    """
    return sorted(map(Excerpt.at, _found(folder)), key=lambda excerpt: excerpt.track)


def telling_start(sources: Tensor, num_samples: int, step: int) -> int:
    """Where the stretch of num_samples begins in which the quietest source is loudest.

    sources: (S, C, T). Starts lie `step` samples apart; of equal ones the first is taken. Where a
    source is silent throughout, the next louder one decides. A track shorter than the stretch
    begins at 0.
    """
    power = sources.double().square().sum(1)  # (S, T)
    energy = power.cumsum(-1)  # (S, T)
    last = max(0, sources.shape[-1] - num_samples)

    def energies(start: int) -> list[float]:
        stop = min(start + num_samples, sources.shape[-1])
        stretch = energy[:, stop - 1] - energy[:, start] + power[:, start]  # (S,)
        return sorted(stretch.tolist())

    return max(range(0, last + 1, step), key=energies)


class ExcerptKeeper:
    """Keeps a stretch of each of the first tracks, as an evaluation separated them.

    weights: a fingerprint of the generator's. What is there already is kept where weights,
    settings and the track's length are the same.
    """

    def __init__(
        self,
        folder: Path,
        settings: ExcerptSettings,
        audio_format: AudioFormat,
        how: OverlapAdd,
        weights: str,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._format = audio_format
        self._inputs: list[Any] = [asdict(audio_format), asdict(how), settings.seconds, weights]

    def missing(self, tracks: Sequence[Track]) -> set[str]:
        """The names of the tracks whose excerpt is asked for and not there."""
        return {
            track.name
            for track in tracks[: self._settings.tracks]
            if _fingerprint_in(self._folder_of(track)) != self._fingerprint(track)
        }

    def keep(self, track: Track, references: Tensor, estimates: Tensor) -> None:
        """Leaves the excerpt of a track; references, estimates: (S, C, T)."""
        folder, rate = self._folder_of(track), self._format.sample_rate
        (folder / _DESCRIPTION).unlink(missing_ok=True)  # what it describes is about to change
        length = self._format.samples(self._settings.seconds)
        start = telling_start(references, length, max(1, rate // _STARTS_PER_SECOND))
        stretch = slice(start, start + length)
        mixture = references[..., stretch].sum(0)  # (C, T)
        excerpt = Excerpt(folder, track.name, start, rate, self._format.sources)
        excerpt.write(mixture, references[..., stretch], estimates[..., stretch])
        _describe(excerpt, self._fingerprint(track))

    def remove_others(self, tracks: Sequence[Track]) -> None:
        """Deletes the excerpts of all but the first tracks."""
        chosen = {self._folder_of(track) for track in tracks[: self._settings.tracks]}
        for stale in sorted(set(_found(self._folder)) - chosen):
            shutil.rmtree(stale)

    def _folder_of(self, track: Track) -> Path:
        return self._folder / file_name(track.name)

    def _fingerprint(self, track: Track) -> str:
        inputs = json.dumps([track.name, track.num_samples, *self._inputs])
        return hashlib.sha256(inputs.encode()).hexdigest()


def _describe(excerpt: Excerpt, fingerprint: str) -> None:
    """Writes the description, which says that all signals are there."""
    description = asdict(excerpt) | {"fingerprint": fingerprint}
    del description["folder"]
    write_text(excerpt.folder / _DESCRIPTION, json_text(description))


def _fingerprint_in(folder: Path) -> str | None:
    path = folder / _DESCRIPTION
    if not path.is_file():
        return None
    try:
        fingerprint: str | None = json.loads(path.read_text("utf-8")).get("fingerprint")
    except (ValueError, AttributeError, RecursionError):
        return None  # damaged: written again
    return fingerprint


def _found(folder: Path) -> list[Path]:
    """The folders of finished excerpts."""
    return [path.parent for path in folder.glob(f"*/{_DESCRIPTION}")]
