"""What is read from outside is bounded: the size and depth of a YAML text, and its numbers.

A file is refused at once where reading it would take long or much memory, and a number where no
value of that size makes sense, so that a slip of the finger ends in one line and not in a day.
"""

import math
from pathlib import Path
from typing import Any

import yaml

LARGEST_FILE = 2**18  # bytes of a configuration
DEEPEST = 40  # levels of brackets and indentation
MOST_VALUES = 100_000  # values of a text after its aliases are expanded

# Fields' names -> the largest magnitude of their numbers; the last two are for all other names.
_LARGEST = {
    "seed seeds": 2**53,
    "steps every log_every validate_every checkpoint_every until_step": 10**9,
    "warmup_steps head_start_steps frozen_steps": 10**9,
    "sample_rate": 768_000,
    "n_fft n_ffts hop": 2**20,
    "depth layers lstm_layers transformer_layers blocks repeats": 64,
    "branch_depth scales growth": 16,  # dilations of branches double
    "heads hash_rounds hash_buckets": 256,
    "kernel stride time_stride threads workers": 4096,
    "shifts": 1000,
    "segment_seconds max_shift_seconds": 3600,
    "seconds": 86_400,
    "lr": 1e30,  # far too high on purpose: how a run ends that diverges at once
}
LARGEST = {name: most for names, most in _LARGEST.items() for name in names.split()}
LARGEST_WHOLE, LARGEST_NUMBER = 2**16, 1e9


class _BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses depth, aliases that expand, and keys said twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._values = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        alias = isinstance(event, yaml.AliasEvent)
        before = self._values
        self._values += self._sizes.get(event.anchor, 1) if alias else 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise _refused(f"more than {DEEPEST} levels of nesting", event)
        if self._values > MOST_VALUES:
            raise _refused(f"more than {MOST_VALUES} values, aliases expanded", event)
        anchor = getattr(event, "anchor", None)
        if alias and anchor in self.anchors and anchor not in self._sizes:
            raise _refused(f"the alias {anchor!r} stands inside of what it names", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor is not None and not alias:
            self._sizes[anchor] = self._values - before
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        said = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
            if name in said:
                raise _refused(f"the key {key.value!r} is there twice", key)
            said.add(name)
        return node


def _whole_number(loader: _BoundedLoader, node: Any) -> int:
    if len(node.value) > 99:
        raise _refused(f"a number of {len(node.value)} digits", node)
    number: int = loader.construct_yaml_int(node)
    return number


_BoundedLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def _refused(problem: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


def parse_yaml(text: str) -> Any:
    """The values in a YAML text. Raises ValueError with one line: the problem and its place."""
    if len(text) > LARGEST_FILE:
        raise ValueError(f"{len(text)} characters are more than {LARGEST_FILE}")
    try:
        loader = _BoundedLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"{error.problem or error.context}{place}") from error
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (TypeError, AttributeError) as error:  # a value that its tag (!!timestamp x) denies
        raise ValueError("a value is not what its tag says") from error


def read_text(path: Path, largest: int = LARGEST_FILE) -> str:
    """A text file of at most `largest` bytes. Raises ValueError where it is larger or not UTF-8."""
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"larger than {largest} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 at byte {error.start}") from error


def check_number(key: str, value: float) -> None:
    """Raises ValueError where the number of a dotted key is not finite or beyond all sense."""
    whole = isinstance(value, int)
    if not whole and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}")
    name = key.rpartition(".")[2].partition("[")[0]
    largest = LARGEST.get(name, LARGEST_WHOLE if whole else LARGEST_NUMBER)
    if abs(value) > largest:
        raise ValueError(f"expected at most {largest:.16g} in magnitude, got {value!r:.40}")
