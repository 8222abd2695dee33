"""What a run writes down: one JSON object a line, cut back to the checkpoint on resume."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor


class RecordFile:
    """An append-only file of JSON lines that knows its length, so that resuming can cut it back.

    position: the length in bytes that a checkpoint vouches for; what lies beyond was written by a
    process that died before its next checkpoint and will be written again.
    """

    def __init__(self, path: Path, position: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a+b")
        length = self.file.seek(0, os.SEEK_END)
        self.file.seek(max(0, position - 1))
        if length < position or (position and self.file.read(1) != b"\n"):
            raise ValueError(
                f"{path}: expected whole lines in the {position} bytes its checkpoint vouches for, "
                f"found {length} bytes: the file was cut or replaced; bring it back, or delete the "
                "run's folder"
            )
        self.file.truncate(position)

    def write(self, record: Mapping[str, Any]) -> None:
        """Raises OSError naming the file where the disk refuses."""
        try:
            self.file.write(json.dumps(record, allow_nan=False).encode() + b"\n")
            self.file.flush()
        except OSError as error:
            error.filename = error.filename or str(self.file.name)
            raise

    def position(self) -> int:
        """The length in bytes, safely on disk."""
        os.fsync(self.file.fileno())
        return os.fstat(self.file.fileno()).st_size

    def close(self) -> None:
        self.file.close()


class Meter:
    """Means of named values, scalars or one per source, over the steps since the last reading.

    A value may be absent in some steps. Values stay on the device until they are read.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()
            self.counts[name] = self.counts.get(name, 0) + 1

    def read(self, accelerator: Accelerator) -> dict[str, Tensor]:
        """The means over steps and processes, on the CPU; the meter is empty after it."""
        means = {name: self.sums[name] / self.counts[name] for name in sorted(self.sums)}
        means = {name: accelerator.reduce(mean, "mean").cpu() for name, mean in means.items()}
        self.sums, self.counts = {}, {}
        return means

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self.sums, "counts": self.counts}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.counts = dict(state["counts"])


def nested(values: Mapping[str, Tensor], sources: tuple[str, ...]) -> dict[str, Any]:
    """{"loss/l1": (S,), "norm/d": ()} -> {"loss": {"l1": {source: x}}, "norm": {"d": x}}."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *path, leaf = name.split("/")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        numbers = value.reshape(-1).tolist()
        node[leaf] = dict(zip(sources, numbers, strict=True)) if value.ndim else numbers[0]
    return tree
