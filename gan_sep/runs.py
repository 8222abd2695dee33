"""A run's folder: every path in it, how files appear in it, and reading them again."""

import contextlib
import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from gan_sep.locks import alone_in

if TYPE_CHECKING:
    from gan_sep.config.run import RunConfig
    from gan_sep.data.base import Split

# Names of arms become parts of folder names and of rows, where some already mean something else.
ARM_NAME = r"[A-Za-z0-9_-]+"
_FOLDER = re.compile(rf"seed(\d+)-({ARM_NAME})")


# What an evaluation leaves, in a run or in a folder of its own.
ROWS, SETTINGS, SPEED, EXCERPTS = "rows.csv", "settings.yaml", "separation.csv", "excerpts"


class _Inside:
    """A path in a run's folder."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __get__(self, run: "RunFolder", owner: type) -> Path:
        return run.folder.joinpath(*self.parts)


@dataclass(frozen=True)
class RunFolder:
    """What a run leaves: runs/NAME/seed{SEED}-{ARM}. Files are read when asked for, once."""

    folder: Path
    seed: int
    arm: str  # plain, gan, or the name of an arm of a study

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Raises ValueError where the folder's name is not that of a run."""
        name = _FOLDER.fullmatch(folder.name)
        if name is None:
            raise ValueError(f"{folder}: expected a folder named seed0-plain, seed0-gan, ...")
        return cls(folder, int(name[1]), name[2])

    @classmethod
    def of(cls, config: "RunConfig", arm: str) -> Self:
        """Where the run of a configuration writes, as an arm of the comparison of that name."""
        return cls(config.runs / config.name / f"seed{config.seed}-{arm}", config.seed, arm)

    config_file = _Inside("config.yaml")  # every setting, resolved
    environment_file = _Inside("environment.json")  # command, commit, versions, machine
    data_file = _Inside("data.json")  # of the tracks, see `gan_sep.data.check.fingerprint`
    records_file = _Inside("records.jsonl")  # losses, validation, diagnosis: a JSON object a line
    timing_file = _Inside("timing.jsonl")  # step times and memory, a JSON object a line
    checkpoints = _Inside("checkpoints")  # newest states, those kept for other runs, best.pt
    best = _Inside("checkpoints", "best.pt")  # the weights that are evaluated

    def kept(self, step: int) -> Path:
        """The state after a step, kept for runs that begin there."""
        return self.checkpoints / f"kept-{step:08d}.pt"

    def evaluation(self, split: "Split" = "test") -> Path:
        """The folder of what the evaluation of a split leaves."""
        return self.folder / "evaluation" / split

    def rows_file(self, split: "Split" = "test") -> Path:
        """One row per track, source and metric."""
        return self.evaluation(split) / ROWS

    def settings_file(self, split: "Split" = "test") -> Path:
        """How the tracks were treated, by which a comparison sees that runs were treated alike."""
        return self.evaluation(split) / SETTINGS

    def speed_file(self, split: "Split" = "test") -> Path:
        """How long separating each track took."""
        return self.evaluation(split) / SPEED

    def excerpts(self, split: "Split" = "test") -> Path:
        """Stretches of a few tracks, to listen to."""
        return self.evaluation(split) / EXCERPTS

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """The folder is this launch's alone: its main process holds the lock, others wait for it.

        Raises as `gan_sep.locks.alone_in`.
        """
        if os.environ.get("RANK", "0") != "0":
            yield
            return
        with alone_in(self.folder, deep=True):
            yield

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration. Raises FileNotFoundError without one, ValueError as below."""
        path = self._existing(self.config_file)
        return read_mapping(path, yaml.safe_load, "the configuration of a run")

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Command, commit, versions, machine. Raises as `config`."""
        path = self._existing(self.environment_file)
        return read_mapping(path, json.loads, "command, commit and machine of a run")

    @cached_property
    def _records(self) -> list[dict[str, Any]]:
        return list(read_lines(self.records_file))

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The records of one kind in the order of their steps; none where there is no file."""
        return [record for record in self._records if record.get("kind") == kind]

    @cached_property
    def timing(self) -> list[dict[str, Any]]:
        """Step times and memory in the order of their steps; none where there is no file."""
        return list(read_lines(self.timing_file))

    def settings(self, split: "Split" = "test") -> dict[str, Any] | None:
        """What `settings_file` holds; None where there is no file."""
        path = self.settings_file(split)
        if not path.is_file():
            return None
        return read_mapping(path, yaml.safe_load, "the settings of an evaluation")

    def _existing(self, path: Path) -> Path:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: not there; train and evaluate this run to its end")
        return path


def is_run_name(name: str) -> bool:
    """Whether a folder of this name is a run's: seed0-plain, seed0-gan, ..."""
    return _FOLDER.fullmatch(name) is not None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file's whole lines; a last line cut by a kill is left out.

    Nothing where there is no file. Raises ValueError naming file and line.
    """
    if not path.is_file():
        return
    *lines, cut = path.read_bytes().split(b"\n")
    if cut and not cut.startswith(b"{"):
        lines.append(cut)  # no beginning of a line of ours
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: line {number}: expected a JSON object: {error}") from error
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise ValueError(
                f"{path}: line {number}: expected a JSON object with a step, got {line[:40]!r}"
            )
        yield record


# What reading a damaged file can end in, wherever in it the damage is.
_DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
    *(csv.Error, yaml.YAMLError),
)


@contextlib.contextmanager
def reading_file(path: Path, expected: str) -> Iterator[None]:
    """While entered, what a damaged file leads to becomes one ValueError of one line, naming it."""
    try:
        yield
    except _DAMAGE as error:
        said = " ".join(str(error).split())
        if said.startswith(str(path)):
            raise
        kind = type(error).__name__
        raise ValueError(f"{path}: expected {expected}, damaged: {kind}: {said:.200}") from error


def read_mapping(path: Path, parse: Callable[[str], Any], expected: str) -> dict[str, Any]:
    """What a file of one mapping holds. Raises ValueError naming the file where it is damaged."""
    with reading_file(path, expected):
        values = parse(path.read_text("utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"got {type(values).__name__}")
    return values


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """A file that appears whole or not at all: `write` gets a temporary name beside it.

    Raises OSError naming the path where the disk refuses; what was there before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 with the line ends that are in the text."""
    replace_file(path, lambda part: part.write_text(text, encoding="utf-8", newline=""))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a binary file."""
    replace_file(path, lambda part: part.write_bytes(content))


def json_text(tree: Any) -> str:
    """JSON for people: indented, null for NaN and infinity."""
    return json.dumps(finite(tree), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def finite(tree: Any) -> Any:
    """The same tree with null for NaN and infinity, the only way JSON can say them."""
    if isinstance(tree, Mapping):
        return {key: finite(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
