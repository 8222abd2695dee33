"""Studies that are kept without their runs: rows once, and every number again from them."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
from commands import CHECKOUT, call
from matplotlib import pyplot as plt
from packaging.version import Version
from reporting.test_report import write_run

from gan_sep.reporting.committed import ARMS, ROWS, RUNS, store_rows
from gan_sep.reporting.effects import as_csv
from gan_sep.reporting.report import write_committed, write_full
from gan_sep.reporting.study import Study

STUDIES = sorted(path.parent for path in (CHECKOUT / "reports").rglob(ARMS))
KEY = ["statistic", "source", "arm", "baseline"]


def rows(arms: dict[str, float], seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """Two tracks of one source; the mixture under the first seed alone."""
    return pd.DataFrame(
        [
            (seed, arm, track, "drums", "usdr", level + place + seed)
            for seed in seeds
            for arm, level in arms.items()
            if arm != "mixture" or seed == seeds[0]
            for place, track in enumerate(("007", "NA"))
        ],
        columns=["seed", "arm", "track", "source", "metric", "value"],
    )


def test_rows_come_back_and_what_studies_share_is_kept_once(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    first, second = reports / "first", reports / "deep" / "second"
    studies = {
        first: rows({"mixture": 0.0, "plain": 1.0, "gan": 20.0}),
        second: rows({"mixture": 0.0, "plain": 1.0, "late": np.nan}),
    }
    store_rows(studies, reports)
    kept = pd.read_csv(reports / ROWS)
    # The late arm has no value, which is the same for both seeds.
    assert kept["block"].nunique() == 1 + 2 + 2 + 1
    again = (reports / ROWS).read_bytes()
    store_rows(studies, reports)
    assert (reports / ROWS).read_bytes() == again
    for folder, expected in studies.items():
        found = Study.of([folder]).rows
        assert set(found.query("arm == 'mixture'")["seed"]) == {0, 1}
        own = found[found["arm"] != "mixture"].reset_index(drop=True)
        trained = expected[expected["arm"] != "mixture"].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, trained, check_dtype=False)


def test_a_study_joins_the_rows_above_it_and_leaves_those_of_others(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "deep/second", "third"))
    store_rows({first: rows({"plain": 1.0, "gan": 2.0}), second: rows({"plain": 1.0})}, tmp_path)
    before = Study.of([second]).rows
    # A third one beside them, and the first one anew, without its gan.
    store_rows({third: rows({"plain": 1.0, "none": np.nan})}, third)
    store_rows({first: rows({"plain": 1.0})}, first)
    assert [path.parent for path in tmp_path.rglob(ROWS)] == [tmp_path]
    pd.testing.assert_frame_equal(Study.of([second]).rows, before)
    assert Study.of([third]).rows.query("arm == 'none'")["value"].isna().all()
    assert set(pd.read_csv(tmp_path / ROWS)["block"]) == {0, 1, 3}  # 2 was the gan of seed 1
    # The number of what is gone is not given to another block.
    store_rows({third: rows({"plain": 1.0, "late": 9.0})}, third)
    assert set(pd.read_csv(tmp_path / ROWS)["block"]) == {0, 1, 4, 5}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    study = tmp_path / "reports" / "study"
    store_rows({study: rows({"plain": 1.0, "gan": 2.0})}, tmp_path / "reports")
    with pytest.raises(ValueError, match="controls: expected some of gan, got frozen"):
        Study.of([study], ("frozen",))
    with (study / ARMS).open("a") as file:
        file.write("0,late,77\n")
    with pytest.raises(ValueError, match=r"arms\.csv: no rows of block 77"):
        Study.of([study])
    (tmp_path / "reports" / ROWS).unlink()
    with pytest.raises(FileNotFoundError, match=r"expected rows\.csv\.xz in it or a folder above"):
        Study.of([study])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["few_songs", "held_out"])
def test_a_committed_table_is_what_the_committed_rows_give(name: str) -> None:
    folder = CHECKOUT / "reports" / "overfitting" / name
    study = Study.of([folder])
    found = pd.read_csv(io.StringIO(as_csv(study.effects)))
    kept = pd.read_csv(folder / "table.csv")
    if Version(scipy.__version__) < Version("1.15"):  # approximates p of few tracks with ties
        found["p_value"] = kept["p_value"] = 0
    pd.testing.assert_frame_equal(
        found.sort_values(KEY, ignore_index=True), kept.sort_values(KEY, ignore_index=True)
    )


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_one_command_makes_tables_figures_and_the_page_again(tmp_path: Path) -> None:
    folder = CHECKOUT / "reports/overfitting/few_songs"
    ended = call("compare", folder, "--page", tmp_path / "out")
    assert ended.status == 0, ended.err
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made >= {
        *("index.html", "comparison.png", "forest.png", "README.md", "details.md", "words.md"),
        *("rows.csv", "table.csv", "table.json", "table.md"),
    }
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "<title>few_songs</title>" in page
    assert "curves.png" not in page


@pytest.mark.slow
def test_what_is_kept_of_runs_gives_the_same_tables_and_page(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs" / str(seed), seed) for seed in (0, 1)]
    for path in (tmp_path / "runs").rglob("rows.csv"):  # no more digits than are kept
        pd.read_csv(path).round({"value": 8}).to_csv(path, index=False)
    study = Study.of(runs, ["gan"], question="Does it stay the same?")
    kept = tmp_path / "reports" / "study"
    write_committed(study, kept)
    assert {path.name for path in kept.iterdir()} == {
        *("README.md", "details.md", "table.csv", "forest.png"),
        *(ARMS, ROWS, RUNS),
    }
    assert "python experiments/compare.py " in (kept / "README.md").read_text()
    again = Study.of([kept])
    assert again.controls == ["gan"]
    assert again.question == "Does it stay the same?"
    pd.testing.assert_frame_equal(again.costs, study.costs)
    assert again.verdicts == study.verdicts
    write_full(study, tmp_path / "first")
    write_full(again, tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        other = tmp_path / "second" / path.name
        if path.suffix == ".csv":
            assert other.read_bytes() == path.read_bytes(), path.name
        elif path.suffix == ".png":
            drawn, again_drawn = plt.imread(path), plt.imread(other)
            assert drawn.shape == again_drawn.shape, path.name
            assert abs(drawn - again_drawn).mean() < 1e-3, path.name
    page = (tmp_path / "second" / "index.html").read_text()
    assert "curves.png" in page
    assert "Does it stay the same?" in page
    assert "Look and listen" not in page


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_a_committed_study_is_small_and_whole(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "details.md", "table.csv", "forest.png"} <= names
    assert len([name for name in names if name.endswith(".png")]) <= 2
    assert "## Answer" in (folder / "README.md").read_text("utf-8")
