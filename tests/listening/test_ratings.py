"""Saved listening sessions are read as they are, or refused by file and entry."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from listening_sessions import SAID, save, session

from gan_sep.listening.ratings import Ratings

Session = dict[str, Any]


def test_every_rating_of_every_listener_is_a_line(tmp_path: Path) -> None:
    paths = save(tmp_path, session("anna"), session("  ben "))
    ratings = Ratings.read(paths)
    assert ratings.study == "small"
    assert len(ratings.table) == 2 * 16
    assert ratings.table.iloc[18].to_dict() == {
        "file": str(paths[1]),
        "entry": 2,
        "listener": "ben",
        "track": "a",
        "source": "drums",
        "arm": "plain",
        "seed": 0,
        "rating": 50,
    }


def test_reference_and_mixture_are_the_same_whatever_seed_the_page_gave_them(
    tmp_path: Path,
) -> None:
    saved = session("anna")
    for entry in saved["ratings"]:
        entry["seed"] = None if entry["arm"] in ("reference", "mixture") else 4
    table = Ratings.read(save(tmp_path, saved)).table
    assert table.groupby("arm")["seed"].unique().str[0].to_dict() == {
        "gan": 4,
        "mixture": 0,
        "plain": 4,
        "reference": 0,
    }


def test_listeners_may_hear_trials_and_arms_in_any_order(tmp_path: Path) -> None:
    mixed = session("ben")
    mixed["ratings"].reverse()
    assert len(Ratings.read(save(tmp_path, session("anna"), mixed)).table) == 32


def changed(entry: int, **fields: object) -> Callable[[Session], None]:
    return lambda saved: saved["ratings"][entry].update(fields)


def without(arm: str) -> Callable[[Session], None]:
    def remove(saved: Session) -> None:
        saved["ratings"] = [entry for entry in saved["ratings"] if entry["arm"] != arm]

    return remove


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(format=2), r"0\.json: expected ratings of format 1, got 2"),
        (lambda s: s.pop("format"), r"expected ratings of format 1, got None"),
        (lambda s: s.update(listener=" "), r"0\.json: listener: expected a name, got ' '"),
        (lambda s: s.pop("study"), r"study: expected a name, got None"),
        (lambda s: s.update(ratings=[]), r"ratings: expected a list of at least one rating"),
        (lambda s: s.update(finished=None), r"0\.json: unfinished session; finish it on the page"),
        (changed(5, rating=101), r"0\.json: ratings\[5\]: rating: expected 0 to 100, got 101"),
        (changed(5, rating=-1), r"ratings\[5\]: rating: expected 0 to 100, got -1"),
        (changed(5, rating=float("nan")), r"rating: expected 0 to 100, got nan"),
        (changed(5, rating=True), r"rating: expected 0 to 100, got True"),
        (changed(5, rating="70"), r"rating: expected 0 to 100, got '70'"),
        (changed(2, seed=0.5), r"ratings\[2\]: seed: expected a whole number, got 0.5"),
        (changed(2, seed=None), r"ratings\[2\]: seed: expected a whole number, got None"),
        (changed(2, arm=None), r"ratings\[2\]: arm: expected a name, got None"),
        (lambda s: s["ratings"].append("x"), r"ratings\[16\]: track: expected a name, got None"),
        (
            lambda s: s["ratings"].append(s["ratings"][3]),
            r"ratings\[16\]: track a, source drums, arm gan, seed 0 is rated a second time",
        ),
        (
            lambda s: s["ratings"].pop(6),
            r"0\.json: unfinished session: track b, source drums, arm plain, seed 0 is not rated",
        ),
        (without("reference"), r"0\.json: no rating of arm reference; listeners are screened"),
        (without("plain"), r"0\.json: no rating of arm plain; .* arms are compared with plain"),
    ],
)
def test_a_broken_session_is_refused_by_file_and_entry(
    tmp_path: Path, change: Callable[[Session], object], message: str
) -> None:
    saved = session("anna")
    change(saved)
    with pytest.raises(ValueError, match=message):
        Ratings.read(save(tmp_path, saved))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "0.json: expected JSON as the page saves it"),
        (b"\xff\xfe", "0.json: expected JSON as the page saves it"),
        (b"[]", "0.json: expected ratings of format 1, got None"),
    ],
)
def test_a_file_that_is_no_session_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "0.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        Ratings.read([tmp_path / "0.json"])


def test_a_missing_file_is_named_and_none_at_all_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"anna\.json: no such file; expected ratings"):
        Ratings.read([tmp_path / "anna.json"])
    with pytest.raises(ValueError, match="ratings: expected at least one file, got none"):
        Ratings.read([])


def test_two_studies_are_not_mixed(tmp_path: Path) -> None:
    paths = save(tmp_path, session("anna"), session("ben", study="other"))
    with pytest.raises(ValueError, match=r"1\.json: study 'other', but .*0\.json is of 'small'"):
        Ratings.read(paths)


def test_a_listener_or_a_file_counts_once(tmp_path: Path) -> None:
    paths = save(tmp_path, session("Anna"), session("anna "))
    with pytest.raises(ValueError, match=r"0\.json and .*1\.json: both are by 'Anna'"):
        Ratings.read(paths)
    with pytest.raises(ValueError, match=r"0\.json: named twice; a file counts once"):
        Ratings.read([paths[0], tmp_path / "." / "0.json"])


def test_a_listener_who_rated_fewer_trials_or_arms_than_others_is_unfinished(
    tmp_path: Path,
) -> None:
    fewer_trials = session("ben", {"drums": SAID["drums"]})
    with pytest.raises(ValueError, match=r"1\.json: unfinished session: track a, source vocals"):
        Ratings.read(save(tmp_path, session("anna"), fewer_trials))
    fewer_arms = session("ben")
    without("gan")(fewer_arms)
    with pytest.raises(ValueError, match=r"0\.json: unfinished session: .* arm gan, seed 0 is not"):
        Ratings.read(save(tmp_path, fewer_arms, session("anna")))
