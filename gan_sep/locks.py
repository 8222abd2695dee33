"""One owner per folder: while a process writes in it, another one is refused in one line.

The lock is flock's on a file `.lock` in the folder, and the kernel frees it with the process,
however that ends. Whoever holds it also removes what a killed process left half written.
"""

import contextlib
import fcntl
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"
_LEFTOVER = re.compile(r"\..+\.\d+\.part")  # as `gan_sep.runs.replace_file` names them

_held: set[Path] = set()


class FolderInUseError(ValueError):
    """Another process writes in the folder."""


@contextlib.contextmanager
def alone_in(folder: Path, deep: bool = False) -> Iterator[None]:
    """Own a folder, which is made; whoever owns it already in this process may do so again.

    deep: leftovers of the dead are removed also in the folders below.
    Raises FolderInUseError naming folder, process and host where another process owns it, and
    OSError where nothing can be written there. A new folder that stayed empty is gone afterwards.
    """
    place = folder.resolve()
    if any(above in _held for above in (place, *place.parents)):
        yield
        return
    made = [each for each in (place, *place.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    number = _locked(folder)
    _held.add(place)
    try:
        _remove_leftovers(folder, deep)
        yield
    finally:
        _held.remove(place)
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        os.close(number)
        with contextlib.suppress(OSError):
            for each in made:
                each.rmdir()


def _locked(folder: Path) -> int:
    """The descriptor of the lock's file, locked and with this process's id in it."""
    path = folder / LOCK
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(number, 300).decode(errors="replace").strip()
            os.close(number)
            raise FolderInUseError(
                f"{folder}: {owner or 'another process'} is writing in this folder; wait for its "
                "end, or end it"
            ) from error
        except OSError as error:  # a file system without locks
            said = f"{folder}: cannot be locked ({error.strerror})"
            print(f"{said}; see that no other process writes in it", file=sys.stderr)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(number).st_ino == path.stat().st_ino:
                break
        os.close(number)  # its owner removed the file in between
    os.ftruncate(number, 0)
    os.pwrite(number, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return number


def _remove_leftovers(folder: Path, deep: bool) -> None:
    for path in folder.rglob(".*.part") if deep else folder.glob(".*.part"):
        if _LEFTOVER.fullmatch(path.name):
            path.unlink(missing_ok=True)
