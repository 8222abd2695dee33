"""The programs under experiments/, called as a user calls them."""

import contextlib
import io
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

CHECKOUT = Path(__file__).parents[1]
EXPERIMENTS = CHECKOUT / "experiments"

PYTHON = (sys.executable,)
ACCELERATE = (sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch")
TWO_PROCESSES = (
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc_per_node",
    "2",
)


class Ended(NamedTuple):
    """What a program left: its exit status and what it printed."""

    status: int
    out: str
    err: str


def call(program: str, *arguments: str | Path) -> Ended:
    """Run a program in this process and the current folder: no second to load torch again."""
    out, err = io.StringIO(), io.StringIO()
    path = EXPERIMENTS / f"{program}.py"
    argv = [str(path), *map(str, arguments)]
    status: object = 0
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as stop:
            status = stop.code or 0
    assert isinstance(status, int)
    return Ended(status, out.getvalue(), err.getvalue())


def start(
    launcher: tuple[str, ...], program: str, *arguments: str | Path, folder: Path
) -> "subprocess.Popen[str]":
    """Start a program in a process group of its own, as a terminal does, in `folder`."""
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*launcher, str(EXPERIMENTS / f"{program}.py"), *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_take_interrupts,
    )


def _take_interrupts() -> None:
    """A shell that starts the tests in the background leaves them SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: "subprocess.Popen[str]", seconds: float = 120) -> Ended:
    """Wait until the process and all that hold its output have ended."""
    out, err = process.communicate(timeout=seconds)
    return Ended(process.returncode, out, err)
