"""Checkpoints: everything a run needs to go on, in one file that is written whole or not at all.

Accelerate's `load_state` unpickles custom states with `weights_only=False`, which executes whatever
code a file holds. These files hold tensors, numbers, text and containers of them, and are read with
`weights_only=True`, which refuses anything else.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gan_sep.runs import replace_file

RESUME = "Delete it to continue from the one before with --resume"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or read; the message names the file."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` to a temporary name beside `path`, flush it to disk, then rename.

    Raises CheckpointError where the disk refuses; the file of that name, if any, is untouched.
    """

    def write(part: Path) -> None:
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())

    try:
        replace_file(path, write)
    except (OSError, RuntimeError) as error:
        # torch keeps to itself what the system has told it.
        said = error.strerror if isinstance(error, OSError) else f"is the disk full? {error}"
        raise CheckpointError(
            f"{path}: cannot write the checkpoint ({said}); what was saved before is intact. "
            "Make room and continue with --resume"
        ) from error


def load(path: Path, way_out: str = RESUME) -> dict[str, Any]:
    """Read a file written by `save` onto the CPU, without executing code from it.

    way_out: what an error tells the user to do. Raises CheckpointError where the file is missing,
    damaged, or holds anything but plain data.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        _require_intact(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError
    except Exception as error:  # a damaged file can fail anywhere on the way, in any manner
        raise CheckpointError(
            f"{path}: not a checkpoint of plain tensors and values, or damaged "
            f"({type(error).__name__}, {path.stat().st_size} bytes). {way_out}"
        ) from error
    return state


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """While entered, what a checkpoint of other content leads to is a CheckpointError."""
    try:
        yield
    except CheckpointError:
        raise
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(
            f"{path}: not a checkpoint of this run ({type(error).__name__}: {said:.200}). {RESUME}"
        ) from error


def _require_intact(path: Path) -> None:
    """Compare the file's contents with its checksums, which torch.load does not.

    Raises zipfile.BadZipFile, or whatever reading a damaged archive ends in.
    """
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"{damaged} does not have its checksum")


_DUE = "-due"  # of the name of a checkpoint whose step is still to be validated


def path_of(folder: Path, step: int, due: bool = False) -> Path:
    """Where the checkpoint after `step` steps lies in a run's checkpoint folder.

    due: that the validation of this step is still due.
    """
    return folder / f"step-{step:08d}{_DUE if due else ''}.pt"


def is_due(path: Path) -> bool:
    """Whether the validation of the checkpoint's step is still due."""
    return path.stem.endswith(_DUE)


def step_of(path: Path) -> int:
    """The steps after which the checkpoint at `path` was taken."""
    return int(path.stem.split("-")[1])


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a folder, or None."""
    return max(folder.glob("step-*.pt"), default=None)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints, and older ones whose validation was due."""
    *older, newest = sorted(folder.glob("step-*.pt"))
    due = [path for path in older if is_due(path)]
    complete = [path for path in older if path not in due]
    for path in (*due, *[*complete, newest][:-keep]):
        path.unlink()
