"""How fast whole tracks are separated, recorded while they are evaluated.

The times lie beside the rows in a file of their own: rows are the same to the last bit whenever the
same weights are evaluated, times never are.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from gan_sep.evaluation.rows import read_table, write_table
from gan_sep.runs import reading_file

SPEED = "separation.csv"
"""The file's name beside the rows of an evaluation."""


class TrackSpeed(NamedTuple):
    """The length of a track, and the wall time of separating it as the evaluation's settings say.

    All shifts and the way to the device and back count; reading the track and scoring do not.
    """

    track: str
    seconds: float
    separation_seconds: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of computing per second of music; below 1 is faster than it plays."""
        return self.separation_seconds / self.seconds


def write_speeds(path: Path, speeds: Iterable[TrackSpeed]) -> None:
    """Writes CSV with a header; the file appears whole or not at all."""
    write_table(path, TrackSpeed._fields, speeds)


def read_speeds(path: Path) -> list[TrackSpeed]:
    """What `write_speeds` wrote; none where there is no file, as beside rows of earlier versions.

    Raises ValueError on any other header.
    """
    if not path.is_file():
        return []
    with reading_file(path, "lengths and times"):
        speeds = [
            TrackSpeed(track, float(seconds), float(separation_seconds))
            for track, seconds, separation_seconds in read_table(path, TrackSpeed._fields)
        ]
        real_time_factor(speeds)
    return speeds


def real_time_factor(speeds: Iterable[TrackSpeed]) -> float:
    """The median of the tracks, NaN of none: the first track also pays for warming up."""
    return median([speed.real_time_factor for speed in speeds] or [math.nan])
