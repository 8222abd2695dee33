"""Ratings in, tables out, as a user calls the program."""

import json
from pathlib import Path

import pandas as pd
import pytest
from commands import call
from listening_sessions import SAID, moved, rows_like, save, session


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """rows.csv of a metric that ranks as the listeners do, and of one that has no direction."""
    table = pd.concat([rows_like(moved(5, "gan")), rows_like(metric="seconds")])
    table.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


def test_the_tables_are_printed_and_written(rows: Path, tmp_path: Path) -> None:
    paths = save(
        tmp_path,
        session("Änne"),
        session("ben", moved(10, "gan")),
        session("cem", moved(-20, "reference")),
    )
    ended = call("listening", *paths, "--rows", rows, "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    text = (tmp_path / "out/listening.md").read_text("utf-8")
    assert ended.out == f"{text}\nTables: {tmp_path}/out/listening.md\n"
    for expected in (
        "# Listening: small\n",
        "- 2 listeners, 4 trials each.\n",
        "too narrow with so few of them",
        "- Left out: cem, who rates the hidden reference below 90 in 100 % of the trials;",
        "| arm | drums | vocals | All |\n",
        "\n| GAN | 70.0 [",
        "\n| GAN | +25.0 [+",
        "\n| usdr | all | +1.00 (6) | +1.00 (6) | +1.00 (12) |\n",
        "- Without better and worse: seconds.\n",
    ):
        assert expected in text
    tree = json.loads((tmp_path / "out/listening.json").read_text("utf-8"))
    assert (tree["study"], tree["listeners"]) == ("small", ["ben", "Änne"])
    assert (tree["unreliable"], tree["keep_all"]) == ({"cem": 1.0}, False)
    levels = pd.read_csv(tmp_path / "out/listening.csv")
    gan = levels[(levels["arm"] == "gan") & (levels["source"] == "All")].iloc[0]
    assert (gan["mean"], gan["difference"]) == (70, 15)
    assert tree["levels"][-1] == gan.to_dict()
    metrics = pd.read_csv(tmp_path / "out/listening-metrics.csv")
    assert metrics["tau"].tolist() == pytest.approx([1] * 6)
    again = call("listening", *paths, "--rows", rows)
    assert again.out == text


def test_all_listeners_are_kept_when_asked_for_and_named_all_the_same(
    rows: Path, tmp_path: Path
) -> None:
    paths = save(tmp_path, session("anna"), session("cem", moved(-20, "reference")))
    ended = call("listening", *paths, "--rows", rows, "--keep-all")
    assert "- 2 listeners, 4 trials each.\n" in ended.out
    assert "- Kept all the same: cem, who rates the hidden reference below 90 in" in ended.out


def test_one_listener_and_one_trial_are_called_so(rows: Path, tmp_path: Path) -> None:
    (path,) = save(tmp_path, session("anna", {"drums": {"a": SAID["drums"]["a"]}}))
    ended = call("listening", path, "--rows", rows)
    assert "- One listener, one trial each.\n" in ended.out
    assert "speak of one pair of ears and say nothing about other listeners.\n" in ended.out
    assert "\n| GAN | 60.0 | 60.0 |\n" in ended.out  # no interval
    assert "\n| GAN | +10.0 - | +10.0 - |\n" in ended.out


def test_metrics_without_a_value_for_what_was_given_say_so(rows: Path, tmp_path: Path) -> None:
    table = pd.read_csv(rows)
    table.loc[0, "value"] = float("nan")
    table.to_csv(rows, index=False, na_rep="nan")
    ended = call("listening", *save(tmp_path, session("anna")), "--rows", rows)
    assert "- usdr: one point without a value left out.\n" in ended.out


def test_no_number_is_null_in_json(rows: Path, tmp_path: Path) -> None:
    paths = save(tmp_path, session("anna"))
    call("listening", *paths, "--rows", rows, "--out", tmp_path / "out")
    levels = json.loads((tmp_path / "out/listening.json").read_text("utf-8"))["levels"]
    plain = next(line for line in levels if line["arm"] == "plain")
    assert plain["difference"] is plain["difference_low"] is None


def test_what_cannot_be_read_ends_in_one_line(rows: Path, tmp_path: Path) -> None:
    ended = call("listening", rows, "--rows", rows)
    assert ended.status == 2
    assert ended.err.startswith(f"\nerror: {rows}: expected JSON as the page saves it, damaged: ")
    ended = call("listening", *save(tmp_path, session("anna")), "--rows", tmp_path / "none.csv")
    assert ended.status == 2
    assert ended.err.count("error: ") == 1
    assert "none.csv" in ended.err
