"""Signals and budgets end a run between two steps, not inside one."""

import signal
import time
from types import FrameType, TracebackType
from typing import Self

import torch
from accelerate import Accelerator

from gan_sep.training.budget import Budget

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SPENT = 1  # asks as a signal does where the budget is used up; below all of theirs
ECHO_SECONDS = 2.0


class StopRequest:
    """While entered, SIGINT and SIGTERM only raise a flag; a second one acts as it always does.

    A budget that is used up asks in the same way.
    What follows the first within ECHO_SECONDS is its echo: a terminal or a cluster signals every
    process, and the launcher among them passes the signal on to its workers once more.
    """

    def __init__(self, accelerator: Accelerator, budget: Budget | None = None) -> None:
        self.accelerator = accelerator
        self.budget = budget or Budget()
        self.signal: int = 0
        self.noted_at = 0.0

    def __enter__(self) -> Self:
        self.previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self.signal:
            self.signal, self.noted_at = number, time.monotonic()
        elif time.monotonic() - self.noted_at > ECHO_SECONDS:
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
        return int(self.accelerator.gather(flag).max())
