"""This process among those that Accelerate launched: set-up, random states."""

from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedDataParallelKwargs, parse_flag_from_env

from gan_sep.config.run import RunConfig


def accelerator_for(config: RunConfig) -> Accelerator:
    """The accelerator of one arm; precision null leaves the choice to the launcher."""
    precision = {"fp32": "no", "bf16": "bf16", None: None}[config.training.precision]
    return Accelerator(
        mixed_precision=precision,
        gradient_accumulation_steps=config.training.accumulation,
        # Buffers change in all processes alike, or never; copying them at each micro-batch would
        # spoil the gradients of the last.
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )


def launched_state() -> PartialState:
    """What was launched, also before the first accelerator, which makes the same of it later.

    PartialState() alone takes processes on CPUs for single ones.
    """
    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))


def random_state() -> dict[str, Any]:
    """torch's global random states of this process; everything else draws from counters."""
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
