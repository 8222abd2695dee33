"""The overview of several studies, from the files of small runs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from reporting.test_report import SOURCES, records, write_lines, write_run

from gan_sep.adversarial.diagnostics import SETS, measure
from gan_sep.reporting.frame import frame_of, knowledge
from gan_sep.reporting.overview import write_overview
from gan_sep.reporting.overview_figure import overview_figure
from gan_sep.reporting.paired_figure import paired_figure
from gan_sep.reporting.part import Part
from gan_sep.reporting.report import NO_WORDS
from gan_sep.reporting.runs import all_rows, find_arms
from gan_sep.reporting.study import Study

ROWS = Path("evaluation", "test", "rows.csv")


def add_validation(arm: Path, gain: float) -> None:
    """Rows of the validation tracks: those of the test tracks, the arm's better by gain in usdr."""
    rows = pd.read_csv(arm / ROWS)
    rows = rows[rows["metric"] == "usdr"]
    rows["value"] += gain * (rows["arm"] == arm.name.partition("-")[2])
    path = arm / "evaluation" / "valid" / "rows.csv"
    path.parent.mkdir()
    rows.to_csv(path, index=False)


def write_study(folder: Path, better: float, paired: int) -> list[Path]:
    """Two seeds of plain, gan and one arm more; drums gain what vocals lose, and half of it."""
    arms = {"plain": 0.0, "gan": better, "lecam": -better}
    for seed in (0, 1):
        write_run(folder, seed, arms)
        for arm in arms:
            path = folder / f"seed{seed}-{arm}"
            add_validation(path, 0.5 if arm == "gan" else 0.0)
            environment = json.loads((path / "environment.json").read_text())
            environment["tracks"]["of them paired"] = paired
            (path / "environment.json").write_text(json.dumps(environment))
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Part]:
    root = tmp_path_factory.mktemp("overview")
    studies = (("few", 1.0, 10), ("many", 0.5, 80))
    return [
        Part(
            Study.of(write_study(root / "runs" / name, better, paired)),
            root / "reports" / "grid" / name,
        )
        for name, better, paired in studies
    ]


@pytest.mark.slow
def test_the_overview_has_a_section_with_two_tables_for_each_study(
    parts: list[Part], tmp_path: Path
) -> None:
    folder = tmp_path / "grid"
    write_overview(parts, folder)
    text = (folder / "README.md").read_text()
    assert text.startswith(f"# grid\n\n{NO_WORDS}\n\n![")
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == ["# grid", "## few", "## many"]
    assert "2 seeds (0, 1), 10 test tracks, 80 paired tracks; [report](" in text
    assert text.count("| lecam | 1.00 | 1.00 | 0.00 | 0.00 | healthy |") == 2
    # The gain on validation tracks; on test tracks the sources' differences cancel in All.
    lines = [line for line in text.splitlines() if line.startswith("| GAN | +0.50 **better** | ")]
    assert len(lines) == 2
    assert all(line.startswith("| GAN | +0.50 **better** | +0.00 [") for line in lines)
    assert text.count("| validation: uSDR (whole tracks), dB, higher is be") == 2
    assert "The tables hold 4 verdicts, 0 of them decided" in text
    assert {path.name for path in folder.glob("*.png")} == {"overview.png", "paired.png"}


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes_and_keep_the_words(
    parts: list[Part], tmp_path: Path
) -> None:
    write_overview(parts, tmp_path)
    (tmp_path / "words.md").write_text("It did not help.\n")
    write_overview(parts, tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert b"\n\nIt did not help.\n\n" in first["README.md"]
    write_overview(parts, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


@pytest.mark.slow
def test_arms_that_owe_their_discriminators_nothing_are_named(tmp_path: Path) -> None:
    folders = write_study(tmp_path / "runs" / "few", 1.0, 10)
    early = {"step": 10, "kind": "valid", "usdr": {"All": 3.0}}
    gan = next(folder for folder in folders if folder.name == "seed1-gan")
    write_lines(gan / "records.jsonl", [*records("gan"), early])
    write_overview([Part(Study.of(folders), tmp_path / "grid" / "few")], tmp_path / "grid")
    text = (tmp_path / "grid" / "README.md").read_text()
    assert text.count("\n- GAN, seed 1: the best weights on validation, which were evaluated") == 1


def test_without_rows_of_all_arms_there_is_no_validation(tmp_path: Path) -> None:
    folders = write_study(tmp_path / "runs" / "few", 1.0, 10)
    assert set(Part(Study.of(folders), tmp_path).validation["statistic"]) == {"usdr"}
    (folders[0] / "evaluation" / "valid" / "rows.csv").unlink()
    assert Part(Study.of(folders), tmp_path).validation.empty


@pytest.mark.slow
@pytest.mark.usefixtures("unpainted")
def test_studies_of_as_many_paired_tracks_make_no_curve(parts: list[Part], tmp_path: Path) -> None:
    write_overview([parts[0], parts[0]], tmp_path)
    assert not (tmp_path / "paired.png").exists()
    assert "paired.png" not in (tmp_path / "README.md").read_text()


def test_the_figure_shows_what_the_tables_say(parts: list[Part]) -> None:
    figure = overview_figure(parts[:1])
    accuracies, r_v, differences = figure.axes
    names = [label.get_text() for label in accuracies.get_yticklabels()]
    assert names == ["GAN", "lecam"]
    assert [text.get_text() for text in differences.texts] == ["+0.00"] * 2
    assert np.asarray(r_v.collections[0].get_offsets())[:, 0].tolist() == [0.0] * 2
    held_out = np.asarray(accuracies.collections[-1].get_offsets())
    assert held_out.tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert len(overview_figure(parts).axes) == 6


def test_the_curve_runs_over_paired_tracks_from_few_to_many(parts: list[Part]) -> None:
    levels, differences, memories = paired_figure(parts[::-1]).axes
    assert [label.get_text() for label in levels.get_xticklabels()] == ["10", "80"]
    drawn = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in levels.get_lines()}
    assert drawn == {"plain": [10, 80], "GAN": [10, 80], "lecam": [10, 80]}
    assert differences.get_xlabel() == "paired training tracks"
    gan, lecam, _ = memories.get_lines()
    for line, arm in ((gan, "gan"), (lecam, "lecam")):
        assert line.get_ydata() == pytest.approx([part.knowledge["r_v"][arm] for part in parts])


def test_an_overview_without_sdr_says_what_it_needs(parts: list[Part], tmp_path: Path) -> None:
    folders = write_study(tmp_path / "runs", 1.0, 10)
    for folder in folders:
        rows = folder / "evaluation" / "test" / "rows.csv"
        kept = [line for line in rows.read_text().splitlines() if ",sdr," not in line]
        rows.write_text("\n".join(kept) + "\n")
    with pytest.raises(ValueError, match=r"expected the metric sdr among evaluation\.metrics"):
        write_overview([Part(Study.of(folders), tmp_path / "report")], tmp_path)


def test_what_judges_know_is_the_mean_of_sources_in_the_last_diagnosis(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "small") / "seed0-gan"
    active = {name: torch.ones(10, 2, dtype=torch.bool) for name in SETS}
    spread = torch.linspace(-0.05, 0.05, 10)[:, None].expand(10, 2)
    scores = {name: (0.8 if "real" in name else 0.2) + spread for name in SETS}
    # The judge of vocals takes held-out music for estimates.
    scores["real_valid"] = torch.stack([scores["real_valid"][:, 0], 0.2 + spread[:, 1]], dim=1)
    diagnosis = measure(scores, active, SOURCES)
    write_lines(folder / "records.jsonl", [{"step": 40, "kind": "diagnosis", "sources": diagnosis}])
    known = knowledge(Study.of([tmp_path / "small"]).frame)
    assert list(known.index) == ["gan"]
    assert known.to_numpy()[0] == pytest.approx([1.0, 0.75, 0.5, 0.5])


def test_a_number_that_no_source_has_is_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "small") / "seed0-gan"
    nothing = {"accuracy": {"train": None, "held_out": 0.5}, "r_v": None}
    sources = {"drums": nothing | {"overlap": {"real_fake_valid": None}}}
    write_lines(folder / "records.jsonl", [{"step": 40, "kind": "diagnosis", "sources": sources}])
    rows = all_rows(runs := find_arms([tmp_path / "small"]))
    known = knowledge(frame_of(runs, rows)).loc[["gan"]]
    assert known["held_out"].tolist() == [0.5]
    assert known.drop(columns="held_out").isna().to_numpy().all()
