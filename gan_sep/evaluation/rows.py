"""Evaluation rows, and where they are kept while an evaluation runs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gan_sep.evaluation.scores import Scores
from gan_sep.names import file_name, to_cell
from gan_sep.runs import reading_file, write_text


class Row(NamedTuple):
    """One value: its seed and arm, its track, its source, its metric."""

    seed: int
    arm: str
    track: str
    source: str
    metric: str
    value: float


class TrackSpeed(NamedTuple):
    """The length of a track, and the wall time of separating it as the evaluation's settings say.

    All shifts and the way to the device and back count; reading the track and scoring do not. The
    times lie beside the rows, in separation.csv: rows are the same to the last bit whenever the
    same weights are evaluated, times never are.
    """

    track: str
    seconds: float
    separation_seconds: float


def write_table(path: Path, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Writes CSV with a header and no formula, numbers to the last bit."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([to_cell(value) for value in line] for line in lines)
    write_text(path, text.getvalue())


class Finished(NamedTuple):
    """What a finished track leaves: its scores, and how long making its estimates took.

    separation_seconds: wall time; NaN where an earlier version did not record it.
    """

    scores: Scores
    separation_seconds: float


@dataclass(frozen=True)
class TrackStore:
    """What finished tracks leave, one small file each, so that an evaluation can be interrupted.

    A fingerprint tells what a track's scores depend on; what is stored under another one does not
    count.
    """

    folder: Path

    def get(self, track: str, fingerprint: str) -> Finished | None:
        """What the track left, or None where that is missing or of another fingerprint.

        Raises ValueError where the file is damaged.
        """
        path = self._path(track)
        if not path.exists():
            return None
        with reading_file(path, "the stored scores of a track; delete it and evaluate again"):
            stored = json.loads(path.read_text(encoding="utf-8"))
            scores = {name: [*map(float, values)] for name, values in stored["scores"].items()}
            finished = Finished(scores, float(stored.get("separation_seconds", math.nan)))
            return finished if stored["fingerprint"] == fingerprint else None

    def put(self, track: str, fingerprint: str, finished: Finished) -> None:
        """Stores what a finished track leaves; the file appears whole or not at all."""
        content = {"track": track, "fingerprint": fingerprint, **finished._asdict()}
        write_text(self._path(track), json.dumps(content))

    def _path(self, track: str) -> Path:
        return self.folder / f"{file_name(track)}.json"
