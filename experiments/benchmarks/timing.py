"""Timing on a machine that others use too: contenders take turns, ratios are of one round."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from gan_sep.training.memory import peak_memory_mib, reset_peak_memory

Work = Callable[[], object]


@dataclass(frozen=True)
class Timings:
    """Seconds of each contender in each round, by name: (rounds,)."""

    seconds: Mapping[str, np.ndarray]

    def median(self, name: str) -> float:
        """Seconds of one piece of work."""
        return float(np.median(self.seconds[name]))

    def ratio(self, numerator: str, denominator: str) -> float:
        """The median of the rounds' ratios: what slows a whole round down cancels in it."""
        return float(np.median(self.seconds[numerator] / self.seconds[denominator]))


def interleave(contenders: Mapping[str, Work], rounds: int, device: torch.device) -> Timings:
    """Let the contenders work in turns, after one turn each that is not counted.

    Raises ValueError without a round to count.
    """
    if rounds < 1:
        raise ValueError(f"rounds: expected at least 1, got {rounds}")
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for counted in [False] + [True] * rounds:
        for name, work in contenders.items():
            taken = _seconds(work, device)
            if counted:
                seconds[name].append(taken)
    return Timings({name: np.array(values) for name, values in seconds.items()})


def peak_memory(build: Callable[[], Work], device: torch.device, turns: int = 2) -> float:
    """MiB that building and doing some work takes above an idle process, in a process of its own.

    build has to be picklable. turns: how often the work is done; an optimiser's state exists from
    the second turn on. Resident memory on a CPU, memory of tensors on a GPU.
    """
    # Spawned, not forked: the child must not inherit this process's memory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_peak_memory, build, device, turns).result()


def cost(build: Callable[[], Work], device: torch.device, rounds: int) -> tuple[float, float]:
    """`peak_memory` and, in the same process, the median seconds of the turns after the first.

    They are seconds of computing on a CPU, which others on the machine do not lengthen as they do
    those on the wall: for work that is too large to be done in turns.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_cost, build, device, rounds).result()


def _peak_memory(build: Callable[[], Work], device: torch.device, turns: int) -> float:
    reset_peak_memory()
    idle = peak_memory_mib(device)
    work = build()
    for _ in range(turns):
        work()
    return peak_memory_mib(device) - idle


def _cost(build: Callable[[], Work], device: torch.device, rounds: int) -> tuple[float, float]:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    reset_peak_memory()
    idle = peak_memory_mib(device)
    work = build()
    work()
    seconds = [_seconds(work, device, clock) for _ in range(rounds)]
    return peak_memory_mib(device) - idle, float(np.median(seconds))


def _seconds(
    work: Work, device: torch.device, clock: Callable[[], float] = time.perf_counter
) -> float:
    wait = partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
    wait()
    start = clock()
    work()
    wait()
    return clock() - start
