"""What context costs HT Demucs: a training step over segment, layers and width, dense and sparse.

The grid is that of Table 2 of Rouard, Massa, Défossez, "Hybrid Transformers for Music Source
Separation", 2023, one item a batch: memory and time of a larger one are in proportion.
"""

from dataclasses import replace
from functools import partial
from itertools import product

import torch

from benchmarks.settings import STEREO, Setting
from benchmarks.steps import plain_step
from benchmarks.table import Row, Table
from benchmarks.timing import cost
from gan_sep.generators import htdemucs

SECONDS = (3.4, 7.8, 12.2)  # what 5, 10 and 15 s are after shifting and repitching
LAYERS = (5, 7)
WIDTHS = (384, 512)


def grid() -> list[Setting]:
    """The dense networks, in the order of the table."""
    return [
        Setting(
            f"{layers} layers, width {width}",
            htdemucs.Config(
                transformer_layers=layers, bottom_channels=width, segment_seconds=seconds
            ),
            STEREO,
            seconds,
            batch_size=1,
        )
        for seconds, layers, width in product(SECONDS, LAYERS, WIDTHS)
    ]


def context(settings: list[Setting], rounds: int, device: torch.device) -> Table:
    """A plain training step of each with dense and with sparse attention."""
    rows = [_row(setting, rounds, device) for setting in settings]
    remark = (
        "forward, L1, backward, Adam, in float32; each network in a process of its own, its first "
        "step not counted. On a CPU seconds are those its threads compute, which other work on the "
        "machine does not lengthen much; memory is the peak above that of an idle process."
    )
    return Table("Context of HT Demucs", rows, remark)


def _row(setting: Setting, rounds: int, device: torch.device) -> Row:
    row: Row = {"setting": str(setting)}
    seconds, memory = {}, {}
    dense = setting.generator
    assert isinstance(dense, htdemucs.Config)
    for kind, generator in {"dense": dense, "sparse": replace(dense, attention="sparse")}.items():
        work = partial(plain_step, replace(setting, generator=generator), device)
        memory[kind], seconds[kind] = cost(work, device, rounds)
        row |= {f"{kind}, s": seconds[kind], f"{kind}, MiB": memory[kind]}
    row["time sparse / dense"] = seconds["sparse"] / seconds["dense"]
    row["memory sparse / dense"] = memory["sparse"] / memory["dense"]
    return row
