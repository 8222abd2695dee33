"""SIGINT and SIGTERM end a run between two steps, not inside one."""

import signal
import time
from types import FrameType, TracebackType
from typing import Self

import torch
from accelerate import Accelerator

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO_SECONDS = 2.0


class StopRequest:
    """While entered, SIGINT and SIGTERM only raise a flag; a second one acts as it always does.

    What follows the first within ECHO_SECONDS is its echo: a terminal or a cluster signals every
    process, and the launcher among them passes the signal on to its workers once more.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
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
        """The signal's number if any process received one, else 0: all processes agree on it."""
        if self.accelerator.num_processes == 1:
            return self.signal
        flag = torch.tensor([self.signal], device=self.accelerator.device)
        return int(self.accelerator.gather(flag).max())
