"""One owner per folder, told by processes that hold it and die."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gan_sep.locks import LOCK, FolderInUseError, alone_in

HOLD = """
import sys, time
from pathlib import Path
from gan_sep.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_second_process_is_told_who_works_there_and_a_kill_frees_the_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    leftover = folder / f".rows.csv.{holder.pid}.part"
    leftover.touch()
    with pytest.raises(FolderInUseError) as refused, alone_in(folder):
        pass
    host = socket.gethostname()
    said = f"{folder}: process {holder.pid} on {host} is writing in this folder"
    assert str(refused.value).startswith(said)
    assert leftover.exists()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (folder / LOCK).exists()
    with alone_in(folder):
        assert not leftover.exists()
        assert (folder / LOCK).read_text() == f"process {os.getpid()} on {host}\n"
    assert list(folder.iterdir()) == []


def test_an_owner_may_own_a_folder_again_and_those_below(tmp_path: Path) -> None:
    with alone_in(tmp_path), alone_in(tmp_path), alone_in(tmp_path / "below"):
        assert not (tmp_path / "below").exists()
    assert not (tmp_path / LOCK).exists()


def test_only_leftovers_go_and_of_lower_folders_where_asked(tmp_path: Path) -> None:
    kept = [tmp_path / name for name in (".mine.part", "words.7.part", ".hidden", "a.csv")]
    deep = tmp_path / "checkpoints" / ".best.pt.12.part"
    deep.parent.mkdir()
    for path in (*kept, deep):
        path.touch()
    with alone_in(tmp_path):
        assert deep.exists()
    with alone_in(tmp_path, deep=True):
        assert not deep.exists()
    assert all(path.exists() for path in kept)


def test_new_folders_that_stay_empty_are_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with alone_in(tmp_path / "mine" / "a" / "b"):
        assert (tmp_path / "mine/a/b" / LOCK).exists()
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), alone_in(tmp_path / "file" / "run"):
        pass
