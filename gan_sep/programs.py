"""What the programs under experiments/ share: errors a user can act on, and finding a run again."""

import argparse
import os
import signal
import sys
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


@contextmanager
def clear_errors(traceback: bool = False) -> Iterator[None]:
    """End the program with one clear line, and exit status 2, where the user can mend the cause.

    What a signal stopped ends with status 128 + signal. With `traceback` errors are not caught.
    """
    launcher = os.getppid()
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
    except (MemoryError, OverflowError, RecursionError, torch.OutOfMemoryError) as error:
        if traceback:
            raise
        kind, said = type(error).__name__, " ".join(str(error).split())
        _say(f"error: {kind}{': ' if said else ''}{said}", launcher)
        sys.exit(2)
    except (ValueError, OSError, ImportError, CheckpointError, NonFiniteError) as error:
        if traceback:
            raise
        _say(f"error: {_in_words(error)}", launcher)
        sys.exit(2)


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
