"""A listening study: who gave which sound how many points, and what metrics say of the sounds.

Two layouts are read alike. Of a report's page: FOLDER/*.json, one file per listener, beside the
study's rows.csv. Of others (Ward, Wierstorf, Mason, Grais, Plumbley, BSS Eval or PEASS? Predicting
the perception of singing-voice separation, 2018):

    FOLDER/ratings.csv             experiment, page, sound, listener, rating
    FOLDER/sounds/PAGE/SOUND.flac  mono, loudness-normalised: `ref` the true voice, `Interferer` the
                                   mixture, `Quality` a second anchor, the others separated voices
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd
import torch
from torch import Tensor

from gan_sep import audio
from gan_sep.evaluation.metrics import METRICS
from gan_sep.evaluation.metrics.base import Metric
from gan_sep.listening.ratings import REFERENCE, Ratings, seedless
from gan_sep.names import plain_name
from gan_sep.reporting.runs import read_rows
from gan_sep.runs import ROWS, reading_file
from gan_sep.statistics.pairing import MIXTURE

_ANCHORS = {"ref": REFERENCE, "Interferer": MIXTURE, "Quality": "anchor"}
NOT_SEPARATED = tuple(_ANCHORS.values())
SOUND = ["song", "sound"]

# A ratio without any error is infinite; rounding begins here.
_MOST_DB = 150.0


@dataclass(frozen=True)
class ListeningStudy:
    """ratings: columns experiment, song, sound, listener, rating; more is better.

    values: by (song, sound), a column per metric, turned so that more is better.
    """

    ratings: pd.DataFrame
    values: pd.DataFrame

    @classmethod
    def read(cls, folder: Path, known: pd.DataFrame | None = None) -> Self:
        """known: values of these sounds that were computed before, by song and sound.

        Raises FileNotFoundError where the folder holds neither layout, ValueError as
        `Ratings.read` does and where a column is missing.
        """
        if (folder / "ratings.csv").is_file():
            ratings = _published_ratings(folder / "ratings.csv")
            values = _sound_values(folder / "sounds", ratings) if known is None else known
        elif sorted(folder.glob("*.json")) and (folder / ROWS).is_file():
            ratings, values = _page(folder)
        else:
            raise FileNotFoundError(
                f"{folder}: expected ratings.csv beside the folder sounds, or ratings of a page, "
                "*.json, beside rows.csv"
            )
        return cls(ratings, values)


def good(values: pd.Series, metric: Metric) -> pd.Series:
    """A metric's values turned so that higher is better, and infinite ones made finite."""
    distances = -values.abs() if metric.zero_is_best else values
    turned = distances if metric.higher_is_better else -distances
    return turned.clip(-_MOST_DB, _MOST_DB) if metric.unit.startswith("dB") else turned


def track(folder: Path, sound: str) -> tuple[Tensor, Tensor, int]:
    """References and estimates (2, 1, T), voice and accompaniment, and the sample rate of a sound.

    Sounds are loudness-normalised, and so is the true voice beside the estimated one; what is left
    of the mixture without the voice is the accompaniment.
    """
    rate = audio.read_header(folder / "ref.flac").sample_rate
    names = ("ref", "Interferer", sound)
    voice, mixture, estimate = (audio.read(folder / f"{name}.flac", rate, 1) for name in names)
    gain = torch.sum(mixture * voice) / torch.sum(voice * voice)
    accompaniment = mixture - gain * voice  # (1, T)
    signals = ((voice, accompaniment), (estimate, accompaniment))
    references, estimates = (torch.stack(each) for each in signals)  # each (2, 1, T)
    return references, estimates, rate


def _published_ratings(path: Path) -> pd.DataFrame:
    with reading_file(path, "ratings"):
        names = dict.fromkeys(("experiment", "page", "sound", "listener"), str)
        ratings = pd.read_csv(path, converters=names).rename(columns={"page": "song"})
    columns = ["experiment", "song", "sound", "listener", "rating"]
    if lacking := [column for column in columns if column not in ratings]:
        raise ValueError(f"{path}: expected the columns {', '.join(columns)}; {lacking} missing")
    with reading_file(path, "numbers as ratings"):
        numbers = ratings["rating"].astype(float)
    return ratings[columns].assign(rating=numbers).replace({"sound": _ANCHORS})


def _sound_values(folder: Path, ratings: pd.DataFrame) -> pd.DataFrame:
    """Every metric of the registry but museval's, which are those of BSSEval."""
    files = {name: file for file, name in _ANCHORS.items()}
    found = {}
    for song, sound in ratings[SOUND].drop_duplicates().itertuples(index=False):
        place = folder / plain_name(song, f"{folder.parent / 'ratings.csv'}: page")
        signals = track(place, plain_name(files.get(sound, sound), f"{place}: sound"))
        found[song, sound] = {
            name: float(metric.function(*signals)[0]) for name, metric in _native()
        }
    table = pd.DataFrame(found).T.rename_axis(SOUND)
    return table.apply(lambda column: good(column, METRICS[str(column.name)]))


def _native() -> Iterable[tuple[str, Metric]]:
    return [
        (name, metric)
        for name, metric in METRICS.items()
        if metric.installed and metric.group not in ("museval", "museval_v3")
    ]


def _page(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A song is a track's source, a sound an arm with its seed; metrics are those of the rows."""
    ratings = Ratings.read(sorted(folder.glob("*.json"))).table
    named = _named(ratings).assign(experiment="rating")
    rows = _named(seedless(read_rows(folder / ROWS)))
    table = rows[rows["metric"].isin(METRICS)].pivot_table(
        index=SOUND, columns="metric", values="value"
    )
    values = table.apply(lambda column: good(column, METRICS[str(column.name)]))
    return named[["experiment", "song", "sound", "listener", "rating"]], values


def _named(table: pd.DataFrame) -> pd.DataFrame:
    seeds = " " + table["seed"].astype(str)
    sound = table["arm"] + seeds.mask(table["arm"].isin(NOT_SEPARATED), "")
    return table.assign(song=table["track"] + ", " + table["source"], sound=sound)
