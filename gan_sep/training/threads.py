"""How many cores one process computes on."""

import os

import torch
from accelerate import Accelerator


def use_threads(threads: int | None, accelerator: Accelerator) -> None:
    """Compute on that many CPU threads; None leaves it to the launcher, or takes the cores.

    `accelerate launch` and `torchrun` give every process one thread unless told otherwise, which
    leaves most of a laptop idle: with None, one thread becomes this process's share of the cores,
    and any other number (OMP_NUM_THREADS) stays. On a GPU nothing is changed.
    """
    if accelerator.device.type != "cpu":
        return
    if threads is None and torch.get_num_threads() > 1:
        return
    if threads is None:
        threads = max(1, _cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    torch.set_num_threads(threads)


def _cores() -> int:
    """The cores this process may use, where the system tells, else those it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
