"""Evaluation rows, and where they are kept while an evaluation runs."""

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gan_sep.evaluation.scores import Scores


class Row(NamedTuple):
    """One value: its seed and arm, its track, its source, its metric."""

    seed: int
    arm: str
    track: str
    source: str
    metric: str
    value: float


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as CSV with a header, values to the last bit; the file appears whole or not at
    all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    temporary.replace(path)


def read_rows(path: Path) -> list[Row]:
    """The rows of a file that `write_rows` wrote. Raises ValueError on any other header."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if tuple(header) != Row._fields:
            raise ValueError(f"{path}: expected the columns {', '.join(Row._fields)}, got {header}")
        return [
            Row(int(seed), arm, track, source, metric, float(value))
            for seed, arm, track, source, metric, value in reader
        ]


@dataclass(frozen=True)
class TrackStore:
    """The scores of finished tracks, one small file each, so that an evaluation can be interrupted.

    A fingerprint tells what a track's scores depend on; scores stored under another one do not
    count.
    """

    folder: Path

    def get(self, track: str, fingerprint: str) -> Scores | None:
        """The track's scores, or None where they are missing or of another fingerprint.

        Raises ValueError where the file is damaged.
        """
        path = self._path(track)
        if not path.exists():
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return stored["scores"] if stored["fingerprint"] == fingerprint else None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: expected the stored scores of a track, got {error!r}; delete the file "
                "and evaluate again"
            ) from error

    def put(self, track: str, fingerprint: str, scores: Scores) -> None:
        """Stores a finished track's scores; the file appears whole or not at all."""
        path = self._path(track)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        content = {"track": track, "fingerprint": fingerprint, "scores": scores}
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(path)

    def _path(self, track: str) -> Path:
        return self.folder / f"{quote(track, safe=' ')}.json"
