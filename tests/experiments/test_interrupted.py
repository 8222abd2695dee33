"""Runs that are killed and stopped from outside, and what continuing them gives."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from commands import ACCELERATE, PYTHON, TWO_PROCESSES, call, finish, start
from conftest import write_experiment

from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint

ARM = Path("runs/tiny/seed0-gan")
STEPS = 60
ARGUMENTS = (
    *("--config", "tiny.yaml", "--arms", "gan"),
    f"training={{steps: {STEPS}, validate_every: 8, checkpoint_every: 7}}",
    "diagnosis.every=20",
)


def prepared(folder: Path, stems: Path) -> Path:
    """A folder to work in. `runs` is relative to it, so that all runs have one configuration."""
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    return folder


@pytest.fixture(scope="module")
def whole(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an arm that nothing interrupted."""
    folder = prepared(tmp_path_factory.mktemp("whole"), stems)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ended = call("train_gan", *ARGUMENTS)
    assert ended.status == 0, ended.err
    return folder / ARM


@pytest.fixture
def here(stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return prepared(tmp_path, stems)


def begin(launcher: tuple[str, ...], folder: Path, records: int) -> "subprocess.Popen[str]":
    """Start or continue the run, and return when it has written more than so many records."""
    path = folder / ARM / "records.jsonl"
    before = path.stat().st_mtime_ns if path.is_file() else 0
    process = start(launcher, "train_gan", *ARGUMENTS, "--resume", folder=folder)
    while process.poll() is None:
        # A continued run first cuts its records back to its checkpoint.
        changed = path.is_file() and path.stat().st_mtime_ns != before
        if changed and path.read_bytes().count(b"\n") > records:
            break
        time.sleep(0.002)
    return process


def signalled(process: "subprocess.Popen[str]", number: int) -> None:
    """Send a signal to the launcher and everything it started, as a terminal or a cluster does."""
    os.killpg(process.pid, number)


def newest_step(folder: Path) -> int:
    newest = checkpoint.latest(folder / ARM / "checkpoints")
    assert newest
    return checkpoint.step_of(newest)


def assert_equal_bytes(found: Path, expected: Path) -> None:
    for name in ("records.jsonl", "evaluation/test/rows.csv", "checkpoints/best.pt"):
        assert (found / name).read_bytes() == (expected / name).read_bytes(), name


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(here: Path, whole: Path) -> None:
    draw = random.Random(0)
    for first, last in ((0, 12), (8, 20), (16, 30)):
        process = begin(PYTHON, here, draw.randrange(first, last))
        time.sleep(draw.uniform(0, 0.1))
        process.kill()
        assert finish(process).status == -signal.SIGKILL
    refused = call("train_gan", *ARGUMENTS)
    assert refused.status == 2
    assert f"error: {ARM} holds an unfinished run" in refused.err
    ended = call("train_gan", *ARGUMENTS, "--resume")
    assert ended.status == 0, ended.err
    assert_equal_bytes(here / ARM, whole)


@pytest.mark.slow
def test_a_run_stopped_by_signals_saves_says_how_to_go_on_and_does_so(
    here: Path, whole: Path
) -> None:
    done = 0
    for records, number in ((3, signal.SIGTERM), (20, signal.SIGINT)):
        process = begin(PYTHON, here, records)
        signalled(process, number)
        status, out, err = finish(process)
        assert (status, out) == (128 + number, "")
        last_line = err.splitlines()[-1]
        step = newest_step(here)
        assert last_line == f"{ARM}: stopped at step {step} of {STEPS}; continue with --resume"
        assert done < step < STEPS
        assert "Traceback" not in err
        done = step
    ended = call("train_gan", *ARGUMENTS, "--resume")
    assert ended.status == 0, ended.err
    assert_equal_bytes(here / ARM, whole)


@pytest.mark.slow
def test_a_run_saves_also_where_its_launcher_dies_of_the_same_signal(here: Path) -> None:
    process = begin(ACCELERATE, here, 3)
    signalled(process, signal.SIGINT)
    ended = finish(process)
    assert ended.status != 0
    assert f"of {STEPS}; continue with --resume" in ended.err
    step = newest_step(here)
    assert f"{ARM}: stopped at step {step} of" in ended.err


@pytest.mark.slow
def test_a_worker_whose_launcher_is_killed_saves_and_ends(here: Path) -> None:
    process = begin(ACCELERATE, here, 3)
    process.kill()  # the launcher alone, as `kill -9 $!` does
    err = finish(process).err  # waits for the worker, which holds the launcher's output
    step = newest_step(here)
    assert f"{ARM}: stopped at step {step} of {STEPS}; continue with --resume" in err


@pytest.mark.slow
def test_a_run_at_work_is_not_continued_by_a_second_process(here: Path, whole: Path) -> None:
    process = begin(PYTHON, here, 3)
    for arguments in (ARGUMENTS, (*ARGUMENTS, "--resume")):
        second = call("train_gan", *arguments)
        assert second.status == 2
        said = f"error: {ARM}: process {process.pid} on {socket.gethostname()} is writing in this"
        assert said in second.err
    assert finish(process).status == 0
    assert_equal_bytes(here / ARM, whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_evaluation_that_is_stopped_says_so_and_leaves_nothing_half_written(
    here: Path, whole: Path, number: signal.Signals
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup")
    shutil.copytree(whole, here / ARM)
    arguments = (ARM, "evaluation.shifts=150", "--out", "parts")
    process = start(PYTHON, "evaluate", *arguments, folder=here)
    while not (here / "parts/.lock").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(number)
    ended = finish(process)
    assert ended.status == 128 + number
    assert ended.err.splitlines()[-1] == "stopped; what is finished is kept"
    assert not list((here / "parts").rglob(".*"))


@pytest.mark.slow
def test_two_processes_stop_at_one_step_and_go_on_together(here: Path, whole: Path) -> None:
    process = begin(TWO_PROCESSES, here, 3)
    signalled(process, signal.SIGTERM)
    ended = finish(process)
    assert ended.status != 0
    step = newest_step(here)
    line = f"{ARM}: stopped at step {step} of {STEPS}; continue with --resume"
    # One process says it, and it stands once more below the launcher's own lines.
    assert ended.err.count("continue with --resume") == ended.err.count(line) == 2
    assert ended.err.splitlines()[-1] == line
    resumed = finish(start(TWO_PROCESSES, "train_gan", *ARGUMENTS, "--resume", folder=here))
    assert resumed.status == 0, resumed.err
    machine = json.loads((here / ARM / "environment.json").read_text())["machine"]
    assert machine["processes"] == 2
    found, expected = losses(here / ARM), losses(whole)
    assert found.keys() == expected.keys()
    for step, loss in expected.items():
        assert found[step] == pytest.approx(loss, rel=1e-3), step


def losses(arm: Path) -> dict[int, dict[str, Any]]:
    """The reconstruction loss per source of each record of training."""
    records = RunFolder.at(arm).records("train")
    return {record["step"]: record["loss"]["reconstruction"] for record in records}
