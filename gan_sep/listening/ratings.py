"""Blind listening ratings as the report's page saves them: one JSON file per listener.

A trial plays one excerpt of one source: its hidden reference, the mixture as the anchor, and the
arms' estimates, in random order and without names; the listener gives each 0 to 100.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Self

import pandas as pd

from gan_sep.runs import reading_file
from gan_sep.statistics.pairing import BASELINE, REFERENCE_SYSTEMS

FORMAT = 1
REFERENCE = "reference"

TRIAL = ["track", "source"]
STIMULUS = ["arm", "seed"]
_COLUMNS = ["file", "entry", "listener", *TRIAL, *STIMULUS, "rating"]


@dataclass(frozen=True)
class Ratings:
    """What all listeners of one study said.

    table: one line per rating with the columns file, entry (its place in the file), listener,
        track, source, arm, seed, rating. Every listener rated every arm of every trial. The seed of
        what no training makes, such as the reference and the mixture, is 0.
    """

    study: str
    table: pd.DataFrame

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Self:
        """The ratings of one file per listener.

        Raises FileNotFoundError where a file is not there; ValueError naming the file and, where it
        is one, the entry: on what is no JSON of this format, another study than the first file's, a
        rating out of 0 to 100 or given twice, a listener or file given twice, arms that lack the
        reference or the baseline, and on a session in which a rating is missing.
        """
        _check_distinct(paths)
        sessions = [_session(path) for path in paths]
        study = sessions[0]["study"]
        for path, session in zip(paths, sessions, strict=True):
            if session["study"] != study:
                raise ValueError(
                    f"{path}: study {session['study']!r}, but {paths[0]} is of {study!r}; "
                    "aggregate one study at a time"
                )
        table = pd.concat([_table(*pair) for pair in zip(paths, sessions, strict=True)])
        _check_listeners(table)
        _check_unique(table)
        _check_arms(table)
        _check_finished(table)
        return cls(study, table.reset_index(drop=True))


def seedless(table: pd.DataFrame) -> pd.DataFrame:
    """Ratings or rows with seed 0 for reference, mixture and oracles, which no seed changes."""
    return table.assign(
        seed=table["seed"].mask(table["arm"].isin([REFERENCE, *REFERENCE_SYSTEMS]), 0)
    )


def _check_distinct(paths: Sequence[Path]) -> None:
    if not paths:
        raise ValueError("ratings: expected at least one file, got none")
    resolved = [path.resolve() for path in paths]
    twice = [path for path in paths if resolved.count(path.resolve()) > 1]
    if twice:
        raise ValueError(f"{twice[-1]}: named twice; a file counts once")


def _session(path: Path) -> dict[str, Any]:
    """The file's content, its fields checked but for the ratings themselves."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected ratings saved by a report's page")
    with reading_file(path, "JSON as the page saves it"):
        session = json.loads(path.read_text("utf-8"))
    if not isinstance(session, dict) or session.get("format") != FORMAT:
        found = session.get("format") if isinstance(session, dict) else None
        raise ValueError(
            f"{path}: expected ratings of format {FORMAT}, got {found!r}; save them with the page "
            "of this version's report"
        )
    for field in ("study", "listener"):
        if not isinstance(session.get(field), str) or not session[field].strip():
            raise ValueError(f"{path}: {field}: expected a name, got {session.get(field)!r}")
    if not isinstance(session.get("ratings"), list) or not session["ratings"]:
        raise ValueError(f"{path}: ratings: expected a list of at least one rating")
    if not session.get("finished"):
        raise ValueError(f"{path}: unfinished session; finish it on the page and save it again")
    return session


def _table(path: Path, session: dict[str, Any]) -> pd.DataFrame:
    listener = session["listener"].strip()
    entries = [
        (str(path), place, listener, *_entry(f"{path}: ratings[{place}]", entry))
        for place, entry in enumerate(session["ratings"])
    ]
    return seedless(pd.DataFrame(entries, columns=_COLUMNS).astype({"seed": int, "rating": float}))


def _entry(where: str, entry: Any) -> tuple[str, str, str, int, float]:
    """Track, source, arm, seed and rating of one entry of the file."""
    fields = entry if isinstance(entry, dict) else {}
    for name in (*TRIAL, "arm"):
        if not isinstance(fields.get(name), str):
            raise ValueError(f"{where}: {name}: expected a name, got {fields.get(name)!r}")
    seed: Any = fields.get("seed")
    rating: Any = fields.get("rating")
    if seed is None and fields["arm"] in (REFERENCE, *REFERENCE_SYSTEMS):
        seed = 0
    if not _is_number(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"{where}: seed: expected a whole number, got {seed!r:.80}")
    if not _is_number(rating, int | float) or not 0 <= rating <= 100:
        raise ValueError(f"{where}: rating: expected 0 to 100, got {rating!r:.80}")
    return fields["track"], fields["source"], fields["arm"], seed, rating


def _is_number(value: Any, kind: type | UnionType) -> bool:
    """Whether JSON gave a number of this kind; true and false are ints to Python."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _check_listeners(table: pd.DataFrame) -> None:
    sessions = table[["listener", "file"]].drop_duplicates()
    same = sessions[sessions["listener"].str.casefold().duplicated(keep=False)]
    if len(same):
        raise ValueError(
            f"{' and '.join(same['file'])}: both are by {same['listener'].iloc[0]!r}; a listener "
            "counts once: leave one out, or give different people different names"
        )


def _check_unique(table: pd.DataFrame) -> None:
    repeated = table[table.duplicated(["listener", *TRIAL, *STIMULUS])]
    if len(repeated):
        raise ValueError(f"{located(repeated)}: {described(repeated)} is rated a second time")


def _check_arms(table: pd.DataFrame) -> None:
    lacking = [arm for arm in (REFERENCE, BASELINE) if arm not in set(table["arm"])]
    if lacking:
        raise ValueError(
            f"{table['file'].iloc[0]}: no rating of arm {lacking[0]}; listeners are screened by "
            f"the hidden {REFERENCE}, and arms are compared with {BASELINE}"
        )


def _check_finished(table: pd.DataFrame) -> None:
    """Every file rates what any file rates: each arm in each trial."""
    wanted = (
        table[["file"]]
        .drop_duplicates()
        .merge(table[TRIAL].drop_duplicates(), how="cross")
        .merge(table[STIMULUS].drop_duplicates(), how="cross")
    )
    absent = wanted.merge(table, how="left").query("rating.isna()")
    if len(absent):
        raise ValueError(
            f"{absent['file'].iloc[0]}: unfinished session: {described(absent)} is not rated; "
            "finish it on the page and save it again, or leave the file out"
        )


def located(ratings: pd.DataFrame) -> str:
    """File and entry of the first of the ratings."""
    return f"{ratings['file'].iloc[0]}: ratings[{ratings['entry'].iloc[0]}]"


def described(ratings: pd.DataFrame) -> str:
    """The first of the ratings in words."""
    first = ratings.iloc[0]
    return ", ".join(f"{name} {first[name]}" for name in (*TRIAL, *STIMULUS))
