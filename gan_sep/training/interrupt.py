"""SIGINT and SIGTERM end a run between two steps, not inside one."""

import signal
from types import FrameType, TracebackType
from typing import Self

import torch
from accelerate import Accelerator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While entered, SIGINT and SIGTERM only raise a flag; a second one acts as it always does."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.signal: int = 0

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
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def received(self) -> int:
        """The signal's number if any process received one, else 0: all processes agree on it."""
        if self.accelerator.num_processes == 1:
            return self.signal
        flag = torch.tensor([self.signal], device=self.accelerator.device)
        return int(self.accelerator.gather(flag).max())
