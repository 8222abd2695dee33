"""How a process uses the CPU: on how many cores, and with memory that it keeps."""

import ctypes
import os
import sys

import torch
from accelerate import Accelerator


def use_threads(threads: int | None, accelerator: Accelerator) -> None:
    """Compute on that many CPU threads; None leaves it to the launcher, or takes the cores.

    `accelerate launch` and `torchrun` give every process one thread unless told otherwise, which
    leaves most of a laptop idle: with None, one thread becomes this process's share of the cores,
    and any other number (OMP_NUM_THREADS) stays. Freed memory stays with the process. On a GPU
    nothing is changed.
    """
    if accelerator.device.type != "cpu":
        return
    _keep_freed_memory()
    if threads is None and torch.get_num_threads() > 1:
        return
    if threads is None:
        threads = max(1, _cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    torch.set_num_threads(threads)


def _keep_freed_memory() -> None:
    """Large tensors in memory that was used before, where the C library is GNU's.

    It would return them to the system one by one, which has to clear every page anew: a quarter of
    a training step. The most memory that is used at once hardly changes.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        mmap_max, trim_threshold = -4, -1  # names of options in malloc.h
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, -1)


def _cores() -> int:
    """The cores this process may use, where the system tells, else those it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
