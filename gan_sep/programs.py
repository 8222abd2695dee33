"""What the programs under experiments/ share: errors a user can act on, and finding a run again."""

import argparse
import errno
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from accelerate import PartialState

from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.last_line import say_after
from gan_sep.runs import RunFolder, is_run_name
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.interrupt import end_with_launcher, heeded, launched
from gan_sep.training.loop import InterruptedRunError
from gan_sep.training.player import NonFiniteError


class StoppedError(KeyboardInterrupt):
    """A signal that ends a program, where no training is to be saved."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = number


@contextmanager
def stopping_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as Ctrl-C does: with StoppedError, and clean folders."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise StoppedError(number)

    before = {number: signal.signal(number, stop) for number in heeded()}
    end_with_launcher()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _count_processes_on_cpus() -> None:
    """Of torchrun without an accelerator each process takes itself for the only one otherwise."""
    several = os.environ.get("WORLD_SIZE", "1") not in ("", "1")
    if several and not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")


@contextmanager
def clear_errors(traceback: bool = False) -> Iterator[None]:
    """End the program with one clear line, and exit status 2, where the user can mend the cause.

    What a signal stopped ends with status 128 + signal. With `traceback` errors are not caught.
    """
    launcher = os.getppid()
    _count_processes_on_cpus()
    if not traceback:
        threading.excepthook = _leave_to_main
    try:
        with stopping_signals():
            yield
    except InterruptedRunError as stop:
        # All processes stop at the same step; one of them says so.
        if PartialState().is_main_process:
            _say(str(stop), launcher)
        PartialState().destroy_process_group()
        sys.exit(128 + stop.signal)
    except KeyboardInterrupt as stop:
        if os.environ.get("RANK", "0") == "0":
            _say("stopped; what is finished is kept", launcher)
        sys.exit(128 + getattr(stop, "signal", signal.SIGINT))
    except (ValueError, OSError, ImportError, CheckpointError, NonFiniteError) as error:
        if traceback:
            raise
        _say(f"error: {_in_words(error)}", launcher)
        sys.exit(2)
    except (MemoryError, OverflowError, RecursionError, RuntimeError, TypeError) as error:
        if traceback or not _of_size(error):
            raise
        kind, said = type(error).__name__, " ".join(str(error).split())
        _say(f"error: {kind}{': ' if said else ''}{said}", launcher)
        sys.exit(2)


def _leave_to_main(met: threading.ExceptHookArgs) -> None:
    """What a thread that writes has met is raised once more where the main one hands it more."""
    if not isinstance(met.exc_value, OSError):
        threading.__excepthook__(met)


def _of_size(error: Exception) -> bool:
    """Whether something was too large for the machine: torch has several ways to say so."""
    if isinstance(error, (MemoryError, OverflowError, RecursionError, torch.OutOfMemoryError)):
        return True
    said = str(error).casefold()
    return any(words in said for words in ("allocate memory", "out of memory", "overflow"))


def _say(line: str, launcher: int) -> None:
    """Print a last line, and once more after the traceback of the launcher, if there is one."""
    print(f"\n{line}", file=sys.stderr)
    if launched() and os.getppid() == launcher:
        say_after(launcher, line)


def _in_words(error: Exception) -> str:
    """What an error says; one of the operating system as path: reason."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


def program(description: str) -> argparse.ArgumentParser:
    """A parser that prints the program's docstring and knows --traceback."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traceback", action="store_true", help="show where an error was raised")
    return parser


def add_trust(parser: argparse.ArgumentParser) -> None:
    """--trust-module, for programs that load networks made elsewhere."""
    parser.add_argument(
        "--trust-module",
        action="store_true",
        help="import and call the network that a run or an export of generator `module` names",
    )


def device(name: str) -> torch.device:
    """A command line's device. Raises ArgumentTypeError where torch cannot compute on it."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise argparse.ArgumentTypeError(f"cannot compute on {name!r}: {reason}") from error


def count(text: str) -> int:
    """A command line's whole number of at least 1. Raises ValueError, which argparse reports."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return number


def output_file(text: str) -> Path:
    """A file that will be written. Raises ArgumentTypeError where that cannot be, before the work.

    Its folder is made.
    """
    path = Path(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from error
    return path


def load_run(folder: Path, overrides: Iterable[str] = ()) -> tuple[RunConfig, RunFolder]:
    """A run's folder and its configuration, `key.path=value` overrides applied.

    Raises FileNotFoundError where the folder holds no run.
    """
    run = RunFolder.at(folder) if is_run_name(folder.name) else RunFolder(folder, 0, folder.name)
    if not run.config_file.is_file():
        inside = sorted(path.parent.name for path in folder.glob("*/config.yaml"))
        hint = f"; it holds the runs {', '.join(inside)}" if inside else ""
        raise FileNotFoundError(f"{folder}: expected the folder of one run with config.yaml{hint}")
    return load(RunConfig, run.config_file, overrides), run
