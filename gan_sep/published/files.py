"""Files of weights of others, read without executing anything that they hold.

Sources: demucs 4.1.0 writes `.th` (torch.save of class, arguments and state) and `.safetensors`
(class and arguments as JSON in its metadata); our exports are of the second kind and say their
configuration beside it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component, build
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.generators.base import GeneratorConfig
from gan_sep.published.options import CLASSES, network_of
from gan_sep.training.checkpoint import CheckpointError

SUFFIXES = (".th", ".safetensors")
_CHECKSUM = re.compile(r".+-([0-9a-f]{8})")  # of SIGNATURE-CHECKSUM.th


@dataclass(frozen=True)
class Said:
    """What an export says of itself, as JSON under `gan_sep` in its metadata."""

    generator: Annotated[GeneratorConfig, Component("generators")]  # the separator
    audio: AudioFormat  # of its estimates
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)  # how it separates


@dataclass(frozen=True)
class Model:
    """A network that was trained, its weights, and how it separates."""

    path: Path  # the file, or the folder of the run
    said: Said
    weights: Mapping[str, Tensor]  # float32

    def network(self) -> nn.Module:
        """The network with the weights. Raises CheckpointError where they are not its own."""
        network = self.said.generator.build(self.said.audio)
        own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
        there = {name: tuple(value.shape) for name, value in self.weights.items()}
        for name in sorted(own.keys() | there.keys()):
            expected, found = own.get(name, "absent"), there.get(name, "absent")
            if expected != found:
                raise CheckpointError(
                    f"{self.path}: expected the weights of the network that it names; {name}: "
                    f"expected {expected}, found {found}"
                )
        network.load_state_dict(self.weights)
        return network


class _Class:
    """Stands for a class of the package in its files: never called, and empty if it were."""


class _Ratio:
    """Stands for fractions.Fraction, whose text could be a number without end."""

    def __new__(cls, *parts: Any) -> Any:  # its numerator and denominator, or both as text
        texts = str(parts[0]).split("/") if len(parts) == 1 else [*map(str, parts)]
        if not all(re.fullmatch(r"\d{1,12}", text) for text in texts) or len(texts) > 2:
            raise ValueError(f"expected a fraction, found {parts!r:.60}")
        return int(texts[0]) / int(texts[-1] if len(texts) == 2 else 1)


class _Namespace:
    """Stands for argparse.Namespace, the training arguments of version 2."""


def read_file(path: Path) -> Model:
    """The network and weights in a `.th` or `.safetensors` file.

    Raises CheckpointError naming the file, what was expected and what was found.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if path.suffix not in SUFFIXES:
        said = f"expected a file ending in {', '.join(SUFFIXES)}, found {path.suffix or 'none'}"
        raise CheckpointError(f"{path}: {said}")
    try:
        return _read_th(path) if path.suffix == ".th" else _read_safetensors(path)
    except (ValueError, ArithmeticError, RecursionError) as error:  # a ConfigError is the first
        raise CheckpointError(f"{path}: {error}") from error


def _read_th(path: Path) -> Model:
    expected = _CHECKSUM.fullmatch(path.stem)
    if expected:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()[:8]
        if found != expected[1]:
            raise ValueError(
                f"expected the checksum in its name, {expected[1]}, found {found} of its "
                f"{path.stat().st_size} bytes; it is damaged or was not downloaded to its end"
            )
    stands_for: list[Any] = [_named(name) for name in CLASSES]
    stands_for += [(_Ratio, "fractions.Fraction"), (_Namespace, "argparse.Namespace")]
    with safe_globals(stands_for):
        content = _load(path)
    if isinstance(content, tuple) and len(content) == 4:  # version 1
        content = dict(zip(("klass", "args", "kwargs", "state"), content, strict=True))
    if not isinstance(content, dict) or not {"klass", "args", "kwargs", "state"} <= content.keys():
        raise ValueError("expected class, arguments and state of a network, found something else")
    name = getattr(content["klass"], "published_name", None)
    if name is None:
        raise ValueError(f"expected a class as klass, found {content['klass']!r:.60}")
    return _of_package(path, name, content["args"], content["kwargs"], content["state"])


def _named(name: str) -> tuple[type, str]:
    """A class of our own for a name in a file, and the name."""
    return type("Stand", (_Class,), {"published_name": name}), name


def _load(path: Path) -> Any:
    """What torch.save wrote, of the classes that are allowed."""
    try:
        others = sorted(get_unsafe_globals_in_checkpoint(str(path)))
    except ValueError as error:
        raise ValueError(
            f"expected a file of torch 1.6 or later, found {path.stat().st_size} bytes of another "
            "kind, or a part of one; load and save an older one where its package is installed"
        ) from error
    except Exception as error:  # a damaged file can fail anywhere on the way
        raise ValueError(
            "expected a whole archive of torch, with its directory at the end, found "
            f"{path.stat().st_size} bytes that are none; it is damaged or was not downloaded whole"
        ) from error
    if others:
        raise ValueError(
            f"expected nothing but tensors, values and {', '.join(CLASSES)}, found "
            f"{', '.join(others)}; nothing of it was executed"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"cannot be read ({type(error).__name__}); it is damaged, or holds other things than "
            "weights"
        ) from error


def _read_safetensors(path: Path) -> Model:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        expected, found = _bytes_said(path), path.stat().st_size
        said = f"expected {expected} bytes, as its header says" if expected else "expected a header"
        raise ValueError(
            f"{said}, found {found} bytes ({error}); it is damaged or was not downloaded to its end"
        ) from error
    if "gan_sep" in metadata:
        return Model(path, build(Said, json.loads(metadata["gan_sep"])), _floats(weights))
    if missing := {"klass", "args", "kwargs"} - metadata.keys():
        raise ValueError(
            f"expected klass, args and kwargs in its metadata, found no {', '.join(missing)}"
        )
    if "structure" in metadata:
        raise ValueError("expected weights as they are, found packed ones (diffq)")
    args, kwargs = (_plain(json.loads(metadata[key])) for key in ("args", "kwargs"))
    return _of_package(path, metadata["klass"], args, kwargs, weights)


def _bytes_said(path: Path) -> int | None:
    """The size of a .safetensors file by its own header; None where that is cut or damaged."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, path.stat().st_size))
    try:
        entries = {k: v for k, v in json.loads(header).items() if k != "__metadata__"}
        return 8 + length + max(entry["data_offsets"][1] for entry in entries.values())
    except (ValueError, AttributeError, LookupError, TypeError):
        return None


def _plain(value: Any) -> Any:
    """JSON with fractions as numbers."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return _Ratio(value["numerator"], value["denominator"])
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _of_package(path: Path, name: str, args: Any, kwargs: Any, state: Any) -> Model:
    if isinstance(state, Mapping) and "__quantized" in state:
        raise ValueError("expected weights as they are, found packed ones (diffq)")
    if not (isinstance(args, (list, tuple)) and isinstance(kwargs, dict)):
        raise ValueError("expected a list and a mapping of arguments, found something else")
    network = network_of(name, args, kwargs)
    settings = EvaluationSettings(
        segment_seconds=network.segment_seconds,
        max_shift_seconds=min(0.5, network.segment_seconds),
        normalize=True,
        last_piece="short",
    )
    said = Said(network.generator, network.audio, settings)
    return Model(path, said, _floats(state))


def _floats(state: Any) -> dict[str, Tensor]:
    """The weights, published in half precision, in single."""
    good = isinstance(state, Mapping) and all(isinstance(each, Tensor) for each in state.values())
    if not good:
        raise ValueError("expected named tensors as its state, found something else")
    return {
        name: each.float() if each.is_floating_point() else each for name, each in state.items()
    }
