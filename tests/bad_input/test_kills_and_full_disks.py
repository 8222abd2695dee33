"""Kills at 20 seeded moments and a disk that is full at one write or another lose nothing."""

import errno
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import PYTHON, call, finish, start
from conftest import without_painting, write_experiment

from gan_sep.training.records import RecordFile

pytestmark = pytest.mark.usefixtures("unpainted")

RUNS = Path("runs/tiny")
ARGUMENTS = ("--config", "tiny.yaml", "evaluation.shifts=20")
KEPT = [
    *(f"{arm}/{name}" for arm in ("seed0-plain", "seed0-gan") for name in
      ("records.jsonl", "evaluation/test/rows.csv", "checkpoints/best.pt")),
    "report/table.csv",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an experiment leaves that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    with without_painting() as patch:
        patch.chdir(folder)
        ended = call("train_gan", *ARGUMENTS)
        assert ended.status == 0, ended.err
        return {name: (RUNS / name).read_bytes() for name in KEPT}


@pytest.fixture(autouse=True)
def here(stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_experiment(tmp_path / "tiny.yaml", stems, Path("runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_whole(whole: dict[str, bytes]) -> None:
    ended = call("train_gan", *ARGUMENTS, "--resume")
    assert ended.status == 0, ended.err
    assert not [path for path in Path("runs").rglob(".*") if path.is_file()]
    for name, content in whole.items():
        assert (RUNS / name).read_bytes() == content, name


@pytest.mark.slow
def test_twenty_kills_lose_nothing(here: Path, whole: dict[str, bytes]) -> None:
    draw, killed, slowest = random.Random(0), 0, 1.0
    while killed < 20:
        process = start(PYTHON, "train_gan", *ARGUMENTS, "--resume", folder=here)
        while not list(RUNS.glob("*/.lock")) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, slowest))
        process.kill()
        killed += finish(process).status != 0
        if (RUNS / "report/index.html").exists():  # all is done: begin again
            assert_whole(whole)
            RUNS.rename(f"done-{killed}")
    assert_whole(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "writes", [first + random.Random(first).randrange(8) for first in range(0, 40, 8)]
)
def test_a_disk_that_is_full_at_one_write_is_named_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes], writes: int
) -> None:
    """Every file appears by being renamed, which is where the disk refuses here."""
    rename: Callable[..., Any] = Path.replace
    count = 0

    def full(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count > writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        ended = call("train_gan", *ARGUMENTS)
    assert ended.status == 2, ended.err
    said = ended.err.rpartition("error: ")[2].strip()
    assert said.startswith("runs/tiny/")
    assert "No space left on device" in said
    assert "\n" not in said
    assert not list(Path("runs").rglob("*.part"))
    assert_whole(whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trackers", "kibibytes"),
    [("[]", 1), ("[]", 4), ("[]", 16), ("[]", 64), ("[tensorboard]", 1), ("[tensorboard]", 16)],
)
def test_a_file_that_can_grow_no_further_is_named_and_loses_nothing(
    whole: dict[str, bytes], trackers: str, kibibytes: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """The system itself refuses, whoever writes: a record, a state, events, audio, the page."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes * 2**10, limits[1]))
    try:
        ended = call("train_gan", *ARGUMENTS, f"training.trackers={trackers}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ended.status == 2, ended.err
    said = ended.err.rpartition("error: ")[2].strip()
    assert said.startswith("runs/tiny/")
    assert "File too large" in said or "is the disk full?" in said
    assert "\n" not in said
    assert "Traceback" not in ended.err + capfd.readouterr().err
    assert not list(Path("runs").rglob("*.part"))
    assert_whole(whole)


def test_a_disk_that_is_full_at_a_record_is_named(tmp_path: Path) -> None:
    record = RecordFile(tmp_path / "records.jsonl")
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), record.file.fileno())
    with pytest.raises(OSError, match="No space left") as error:
        record.write({"step": 1})
    assert error.value.filename == str(tmp_path / "records.jsonl")
