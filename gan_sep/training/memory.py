"""Memory: the most a process has held, and the least a run needs against what the machine has."""

import contextlib
import os
import re
import resource
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from gan_sep.audio import AudioFormat
from gan_sep.config.run import RunConfig

_COPIES = 4  # of a parameter that learns: itself, its gradient, and two moments of the optimizer
_CPU = torch.device("cpu")


def total_memory(device: torch.device) -> int:
    """The bytes that a device has; of a CPU at most what the machine allows the container."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # "max" without a limit
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def require_memory(what: str, needed: int, device: torch.device) -> None:
    """ValueError where a device has less than the bytes needed; `what` begins with the key."""
    total = total_memory(device)
    if needed > total:
        raise ValueError(
            f"{what} take at least {needed / 2**30:.3g} GiB, more than all memory of this "
            f"{'machine' if device.type == 'cpu' else 'device'} ({total / 2**30:.3g} GiB)"
        )


def require_batches_fit(
    key: str, batch: int, seconds: float, audio: AudioFormat, device: torch.device, ahead: int
) -> None:
    """ValueError where sources and estimates of a batch, or those read ahead, exceed all memory.

    batch: segments of `seconds` of one micro-batch in one process; ahead: batches read ahead.
    """
    size = batch * len(audio.sources) * audio.channels * audio.samples(seconds) * 4
    what = f"{key}: {batch} segments of {seconds:g} s at once, of {len(audio.sources)} sources,"
    require_memory(what, 2 * size, device)
    require_memory(f"training.workers: {ahead} batches read ahead", ahead * size, _CPU)


def require_networks_fit(config: RunConfig, device: torch.device) -> None:
    """ValueError where weights, and what training keeps beside them, exceed all memory.

    They are counted while the networks are made on the device `meta`, which holds no numbers.
    """
    needed = 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal needed
        if parameter is not None:
            needed += _COPIES * parameter.numel() * parameter.element_size()
            require_memory(f"{key}: weights of these sizes", needed, device)

    hook = register_module_parameter_registration_hook(count)
    try:
        with torch.device("meta"):
            key = "generator"
            with contextlib.suppress(RuntimeError, TypeError):  # code of others may need numbers
                config.generator.build(config.audio)
            key = "discriminator"
            if config.discriminator is not None:
                config.discriminator.build(config.audio)
    finally:
        hook.remove()


def reset_peak_memory() -> None:
    """Start the count anew; on systems other than Linux the process's own peak cannot be reset."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mib(device: torch.device) -> float:
    """Peak memory in MiB: allocated by tensors on a GPU, resident in the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found.group(1)) / 2**10
    unit = 1 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
