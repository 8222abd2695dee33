"""Signals and budgets end a run between two steps or songs; workers end with their launchers."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import torch
from accelerate import Accelerator

from gan_sep.training.budget import Budget

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SPENT = 128  # asks as a signal does where the budget is used up; no signal's number
ECHO_SECONDS = 2.0


def heeded() -> tuple[signal.Signals, ...]:
    """The signals that stop a program: all SIGNALS but those it was told to ignore (nohup)."""
    return tuple(each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN)


def launched() -> bool:
    """Whether accelerate or torchrun launched this process, on Linux."""
    variables = {"TORCHELASTIC_RUN_ID", "ACCELERATE_MIXED_PRECISION"}
    return bool(variables & os.environ.keys()) and sys.platform == "linux"


def end_with_launcher() -> None:
    """Where accelerate or torchrun launched this process, SIGTERM comes to it when they are gone.

    Otherwise the kill of a launcher leaves workers that go on alone. Linux alone can do that.
    """
    if launched():
        set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
        ctypes.CDLL(None).prctl(set_death_signal, int(signal.SIGTERM))
        if _adopted():  # the launcher was gone before
            signal.raise_signal(signal.SIGTERM)


def _adopted() -> bool:
    """Whether process 1, and no launcher in a container of its own, is this process's parent."""
    if os.getppid() != 1:
        return False
    command = Path("/proc/1/cmdline").read_bytes()
    return not any(word in command for word in (b"accelerate", b"torch"))


class StopRequest:
    """While entered, the signals only raise a flag; the same one again acts as it always does.

    A budget that is used up asks in the same way.
    What follows the first within ECHO_SECONDS is its echo: a terminal or a cluster signals every
    process, and the launcher among them passes the signal on to its workers once more.
    """

    def __init__(self, accelerator: Accelerator, budget: Budget | None = None) -> None:
        self.accelerator = accelerator
        self.budget = budget or Budget()
        self.signal: int = 0
        self.noted_at: dict[int, float] = {}

    def __enter__(self) -> Self:
        self.previous = {number: signal.signal(number, self._note) for number in heeded()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number
        if number not in self.noted_at:
            self.noted_at[number] = time.monotonic()
        elif time.monotonic() - self.noted_at[number] > ECHO_SECONDS:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def received(self) -> int:
        """The signal's number, SPENT for the budget, else 0.

        All processes agree: what one of them received counts, a signal before the budget.
        """
        request = self.signal or (SPENT if self.budget.used_up else 0)
        if self.accelerator.num_processes == 1:
            return request
        flag = torch.tensor([request], device=self.accelerator.device)
        requests = self.accelerator.gather(flag).tolist()
        return max([each for each in requests if each != SPENT] or [0]) or max(requests)
