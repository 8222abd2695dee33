"""Accelerate's state of a process among several, without the others."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

EVALUATION = "gan_sep.evaluation.evaluate"


@dataclass
class State:
    """What evaluation asks of `PartialState`; barrier is called at the first wait only."""

    process_index: int
    num_processes: int
    barrier: Callable[[], object] | None = None

    @property
    def is_main_process(self) -> bool:
        return self.process_index == 0

    def wait_for_everyone(self) -> None:
        barrier, self.barrier = self.barrier, None
        if barrier:
            barrier()


def be_process(
    monkeypatch: pytest.MonkeyPatch,
    index: int,
    count: int,
    barrier: Callable[[], object] | None = None,
) -> None:
    """From now on evaluation takes this process for number `index` of `count`."""
    state = State(index, count, barrier)
    monkeypatch.setattr(f"{EVALUATION}.PartialState", lambda: state)
