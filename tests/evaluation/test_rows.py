"""Rows and stored scores survive the disk to the last bit."""

import math
from pathlib import Path

import pandas as pd
import pytest

from gan_sep.evaluation.rows import Finished, Row, TrackStore, write_table
from gan_sep.reporting.runs import read_rows

ROWS = [
    Row(3, "gan", 'A "song", with commas', "vocals", "sdr", 1 / 3),
    Row(3, "mixture", "Ä", "drums", "usdr", math.inf),
]


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.csv"
    write_table(path, Row._fields, ROWS)
    assert [*read_rows(path).itertuples(index=False, name=None)] == ROWS
    assert [file.name for file in path.parent.iterdir()] == ["rows.csv"]


def test_pandas_reads_missing_values_as_nan(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_table(path, Row._fields, [*ROWS, Row(3, "gan", "B", "bass", "sdr", math.nan)])
    table = pd.read_csv(path)
    assert list(table.columns) == ["seed", "arm", "track", "source", "metric", "value"]
    assert table["value"].isna().tolist() == [False, False, True]
    assert math.isnan(read_rows(path)["value"].iloc[-1])


def test_another_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("track,value\na,1\n")
    with pytest.raises(ValueError, match=r"rows.csv: expected the columns seed, arm, track"):
        read_rows(path)
    path.write_text("")
    with pytest.raises(ValueError, match=r"expected rows of an evaluation, damaged"):
        read_rows(path)


def test_what_a_track_left_counts_only_under_its_fingerprint(tmp_path: Path) -> None:
    store, left = TrackStore(tmp_path / "gan"), Finished({"sdr": [1 / 3, math.inf]}, 0.1)
    assert store.get("A/B: ../x", "one") is None
    store.put("A/B: ../x", "one", left)
    assert store.get("A/B: ../x", "one") == left
    assert store.get("A/B: ../x", "two") is None
    assert len(list((tmp_path / "gan").iterdir())) == 1


def test_nan_is_stored(tmp_path: Path) -> None:
    store = TrackStore(tmp_path)
    store.put("a", "one", Finished({"sdr": [math.nan]}, 0.1))
    finished = store.get("a", "one")
    assert finished is not None
    assert math.isnan(finished.scores["sdr"][0])


def test_scores_of_before_times_were_kept_still_count(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"fingerprint": "one", "scores": {"sdr": [1.5]}}')
    finished = TrackStore(tmp_path).get("a", "one")
    assert finished is not None
    assert finished.scores == {"sdr": [1.5]}
    assert math.isnan(finished.separation_seconds)


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a b.json").write_text(content)
    with pytest.raises(ValueError, match=r"a b\.json: expected .*delete it and evaluate"):
        TrackStore(tmp_path).get("a b", "one")
