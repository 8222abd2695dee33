import csv
import shutil
import signal
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from commands import ACCELERATE, EXPERIMENTS, PYTHON, Ended, call, finish, start
from conftest import RATE, SOURCES, write_experiment

from gan_sep.runs import RunFolder

pytestmark = pytest.mark.usefixtures("unpainted")

ARM = Path("runs/tiny/seed0-gan")


class Trained(NamedTuple):
    """The current folder of a finished experiment, and what training it printed."""

    folder: Path
    ended: Ended


@pytest.fixture(scope="module")
def trained(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    process = start(ACCELERATE, "train_gan", "--config", "tiny.yaml", folder=folder)
    return Trained(folder, finish(process))


@pytest.fixture
def here(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished experiment as the current folder."""
    shutil.copytree(trained.folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path: Path) -> dict[tuple[str, str, str, str], float]:
    """(arm, track, source, metric) -> value."""
    with path.open() as file:
        return {
            (row["arm"], row["track"], row["source"], row["metric"]): float(row["value"])
            for row in csv.DictReader(file)
        }


def written(folder: Path, pattern: str) -> dict[Path, int]:
    """When each file was written last."""
    return {path: path.stat().st_mtime_ns for path in folder.glob(pattern)}


@pytest.mark.slow
def test_one_launch_line_trains_both_arms_and_writes_the_report(trained: Trained) -> None:
    status, out, err = trained.ended
    assert status == 0, err
    assert "Discriminators, GAN, seed 0: " in out
    assert out.endswith("\n\nReport: runs/tiny/report/README.md\n")
    for word in ("Traceback", "rror:", "UserWarning", "FutureWarning"):
        assert word not in err
    report = trained.folder / "runs/tiny/report"
    figures = ["comparison.png", "forest.png", "curves.png"]
    figures += ["discriminators-seed0-gan.png", "scores-seed0-gan.png"]
    text = (report / "README.md").read_text() + (report / "details.md").read_text()
    for figure in figures:
        assert f"]({figure})" in text
        assert (report / figure).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_printed_table_says_what_the_rows_say(trained: Trained) -> None:
    title = "uSDR (whole tracks), mean of tracks, dB, higher is better\n"
    table = trained.ended.out.partition(title)[2]
    lines = {line.split()[0]: line.split()[1:4] for line in table.splitlines()[:5]}
    values = {
        arm: rows(trained.folder / f"runs/tiny/seed0-{arm}/evaluation/test/rows.csv")
        for arm in ("plain", "gan")
    }
    for source in SOURCES:
        for column, arm in enumerate(("mixture", "plain", "gan")):
            of_tracks = [
                value
                for key, value in values["gan" if arm == "mixture" else arm].items()
                if (key[0], key[2], key[3]) == (arm, source, "usdr")
            ]
            assert len(of_tracks) == 2
            assert float(lines[source][column]) == pytest.approx(np.mean(of_tracks), abs=0.0051)


@pytest.mark.slow
def test_a_second_call_trains_and_separates_nothing_and_prints_the_same(
    trained: Trained, here: Path
) -> None:
    patterns = ("checkpoints/*", "evaluation/test/*/*.json")
    made = [written(here, f"runs/tiny/*/{pattern}") for pattern in patterns]
    # Of 2 arms 3 checkpoints, and where they part; 2 x 2 track scores.
    assert [len(files) for files in made] == [7, 8]
    records = (here / ARM / "records.jsonl").read_bytes()
    ended = call("train_gan", "--config", "tiny.yaml")
    assert (ended.status, ended.out) == (0, trained.ended.out)
    for files, pattern in zip(made, patterns, strict=True):
        assert written(here, f"runs/tiny/*/{pattern}") == files
    assert (here / ARM / "records.jsonl").read_bytes() == records


@pytest.mark.slow
def test_comparing_prints_what_training_printed(trained: Trained, here: Path) -> None:
    ended = call("compare", "runs/tiny")
    assert ended.status == 0, ended.err
    assert ended.out.strip() == trained.ended.out.rpartition("\n\nReport:")[0].strip()
    one = call("compare", "runs/tiny", "--metric", "usdr", "--out", "again", "--question", "Why?")
    assert one.out.count("tracks, dB") == 1
    assert (here / "again/README.md").read_text().startswith("# tiny\n\nWhy?\n")


@pytest.mark.slow
def test_an_arm_is_evaluated_again_with_other_settings(here: Path) -> None:
    own = (here / ARM / "evaluation/test/rows.csv").read_bytes()
    same = call("evaluate", ARM, "--out", "same")
    assert (same.status, same.out) == (0, "Rows: same/rows.csv\n")
    assert (here / "same/rows.csv").read_bytes() == own
    shifted = call("evaluate", ARM, "--out", "shifted", "evaluation.shifts=2")
    assert shifted.status == 0, shifted.err
    before, after = rows(here / "same/rows.csv"), rows(here / "shifted/rows.csv")
    assert before.keys() == after.keys()
    assert {key[0] for key in before if before[key] != after[key]} == {"gan"}
    assert (here / ARM / "evaluation/test/rows.csv").read_bytes() == own


@pytest.mark.slow
def test_other_tracks_and_the_measures_of_museval_are_asked_for_by_options(here: Path) -> None:
    ended = call("evaluate", ARM, "--split", "valid", "--museval")
    assert ended.status == 0, ended.err
    found = rows(here / ARM / "evaluation/valid/rows.csv")
    assert {track for _, track, _, _ in found} == {"valid song 0", "valid song 1"}
    for (arm, track, source, metric), value in found.items():
        if metric == "museval_sdr":
            assert value == pytest.approx(found[arm, track, source, "sdr"], abs=1e-6)


@pytest.mark.slow
def test_frechet_distances_are_of_a_networks_features(here: Path, stems: Path) -> None:
    network = ("--frechet", "music_vgg=random")
    few = call("evaluate", ARM, *network, "--split", "valid")
    assert "at least 4 tracks of a source, got 2" in few.err
    assert not (here / ARM / "evaluation/valid").exists()
    shutil.copytree(stems, "more")
    for song in sorted(Path("more/test").iterdir()):
        for again in range(2):
            shutil.copytree(song, song.with_name(f"{song.name} {again}"))
    ended = call("evaluate", ARM, *network, "data.root=more", "--out", "distances")
    assert ended.status == 0, ended.err
    with (here / "distances/frechet.csv").open() as file:
        found = list(csv.DictReader(file))
    assert {line["arm"] for line in found} == {"mixture", "gan"}
    for line in found:
        low, value, high = (float(line[name]) for name in ("low", "distance", "high"))
        assert low <= value <= high
        assert float(line["floor"]) >= 0


@pytest.mark.slow
def test_an_evaluation_that_was_killed_goes_on_where_it_stopped(here: Path) -> None:
    arguments = (ARM, "evaluation.shifts=150", "--out")
    process = start(PYTHON, "evaluate", *arguments, "parts", folder=here)
    scores = here / "parts/gan"
    while not list(scores.glob("*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    assert finish(process).status == -signal.SIGKILL
    assert not (here / "parts/rows.csv").exists()
    finished = written(scores, "*.json")
    assert len(finished) == 1
    assert call("evaluate", *arguments, "parts").status == 0
    assert written(scores, "*.json").items() >= finished.items()
    assert call("evaluate", *arguments, "whole").status == 0
    parts, whole = (here / name / "rows.csv" for name in ("parts", "whole"))
    assert parts.read_bytes() == whole.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (2 * RATE, 2)])
def test_a_song_is_separated_into_files_of_its_length(here: Path, rate: int, channels: int) -> None:
    song = np.random.default_rng(0).standard_normal((2 * rate + 100, channels)) * 0.1
    soundfile.write(here / "a song.wav", song, rate)
    ended = call("separate", ARM, "a song.wav", "--device", "cpu")
    assert ended.status == 0, ended.err
    paths = [f"separated/a song/{source}.wav" for source in SOURCES]
    assert ended.out.splitlines() == paths
    for path in paths:
        info = soundfile.info(here / path)
        found = (info.samplerate, info.channels, info.frames, info.subtype)
        assert found == (RATE, 1, 2 * RATE + 100 * RATE // rate, "FLOAT")


@pytest.mark.slow
def test_every_program_explains_itself_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    programs = sorted(path.stem for path in EXPERIMENTS.glob("*.py"))
    assert len(programs) >= 5
    for name in programs:
        # Two in processes of their own; it takes seconds to load torch for each.
        alone = name in ("benchmark", "train_gan")
        ended = finish(start(PYTHON, name, "--help", folder=tmp_path)) if alone else None
        status, out, err = ended or call(name, "--help")
        assert (status, err) == (0, ""), name
        first_line = (EXPERIMENTS / f"{name}.py").read_text().splitlines()[0].lstrip('"')
        assert first_line in out
        assert f"experiments/{name}.py" in out
        assert "--traceback" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_arm_that_is_extended_alone_is_said_to_be_of_another_length(
    stems: Path, tmp_path: Path
) -> None:
    file = write_experiment(tmp_path / "tiny.yaml", stems, tmp_path / "runs")
    ended = call("train_gan", "--config", file, "training.steps=4")
    assert ended.status == 0, ended.err
    assert "different numbers of steps" not in ended.out
    ended = call("train_gan", "--config", file, "training.steps=6", "--resume", "--arms", "plain")
    assert ended.status == 0, ended.err
    run = RunFolder.at(tmp_path / "runs/tiny/seed0-plain")
    assert run.config["training"]["steps"] == 6
    assert "training.steps=4" in run.environment["command"].splitlines()[0]
    assert "training.steps=6" in run.environment["command"].splitlines()[1]
    folders = [run.folder, tmp_path / "runs/tiny/seed0-gan"]
    ended = call("compare", *folders, "--out", tmp_path / "report")
    said = "evaluated after different numbers of steps: plain 6, GAN 4."
    assert said in ended.out
    assert said in (tmp_path / "report/README.md").read_text("utf-8")
