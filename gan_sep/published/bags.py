"""What can be loaded as a separator: a run, a file, a bag of them, a folder, a place on the hub."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import ConfigError, load
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.generators.htdemucs import HTDemucs
from gan_sep.generators.module import require_trust
from gan_sep.programs import load_run
from gan_sep.published.files import SUFFIXES, Model, Said, read_file
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.lifecycle import best_weights

BAG = "bag.yaml"  # of the folder of a bag of runs
_HUB = "hf:/"  # hf://owner/name, of which a path keeps one slash
_BAG = re.compile(rb"^\W*models\W*:", re.MULTILINE)


@dataclass(frozen=True)
class BagFile:
    """A bag's YAML file, as the package demucs writes it."""

    models: tuple[str, ...]  # names of files beside it, or folders of runs
    weights: tuple[tuple[float, ...], ...] | None = None  # of each model, by source; null: 1
    segment: float | None = None  # seconds of the pieces, where a model can do with so many

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models: expected at least one, got none")
        if self.weights is not None and len(self.weights) != len(self.models):
            raise ValueError(
                f"weights: expected a row for each of the {len(self.models)} models, got "
                f"{len(self.weights)}"
            )


class Ensemble(NamedTuple):
    """One network or several, and how they separate together."""

    network: nn.Module
    audio: AudioFormat
    evaluation: EvaluationSettings
    seed: int = 0


class Bag(nn.Module):
    """Mixture (B, C, T) -> the weighted mean (B, S, C, T) of several networks' estimates.

    weights: (M, S), of each network and source; a source's sum over the networks is above 0.
    """

    def __init__(self, networks: Sequence[nn.Module], weights: Tensor) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.shares: Tensor  # (M, S)
        self.register_buffer("shares", weights / weights.sum(0))

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        total = None
        for network, share in zip(self.networks, self.shares.to(mixture), strict=True):
            if share.any():
                estimates = network(mixture).mul_(share[:, None, None])
                total = estimates if total is None else total.add_(estimates)
        assert total is not None
        return total

    def input_length(self, length: int, segment: int) -> int:
        """The longest that one of the networks wants."""
        wanted = [getattr(network, "input_length", None) for network in self.networks]
        return max(want(length, segment) if want else length for want in wanted)


def read_model(path: Path, trust_module: bool = False) -> Model:
    """The model in a run's folder or a file.

    Raises CheckpointError or FileNotFoundError, and ValueError where its network would be imported
    and the user does not trust it.
    """
    if path.is_dir():
        config, run = load_run(path)
        require_trust(config.generator, path, trust_module)
        said = Said(config.generator, config.audio, config.evaluation)
        return Model(path, said, best_weights(run))
    model = read_file(path)
    require_trust(model.said.generator, path, trust_module)
    return model


def read_single(path: Path, trust_module: bool = False) -> Model:
    """The one model that a path stands for, see `located`.

    Raises CheckpointError where it stands for several; and as `read_model`.
    """
    path = located(path)
    if path.suffix != ".yaml":
        return read_model(path, trust_module)
    members = members_of(path)
    if len(members) > 1:
        raise CheckpointError(
            f"{path}: expected one model, found a bag of {len(members)}; name one of them: "
            f"{', '.join(map(str, members))}"
        )
    return read_model(members[0], trust_module)


def read_ensemble(path: Path, trust_module: bool = False) -> Ensemble:
    """The network, or bag of networks, that a path stands for, see `located`.

    Raises CheckpointError or FileNotFoundError naming the file, what was expected and found.
    """
    path = located(path)
    if path.suffix != ".yaml":
        model = read_model(path, trust_module)
        seed = load_run(path)[0].seed if path.is_dir() else 0
        return Ensemble(model.network(), model.said.audio, model.said.evaluation, seed)
    bag = _bag_file(path)
    models = [read_model(_member(path, name), trust_module) for name in bag.models]
    first = models[0].said
    for model in models[1:]:
        require_same_audio(model.path, model.said.audio, first.audio, str(models[0].path))
    seconds = min(model.said.evaluation.segment_seconds for model in models)
    networks = [model.network() for model in models]
    if bag.segment is not None:
        fixed = [each for each in networks if isinstance(each, HTDemucs) and each.segment]
        seconds = min(bag.segment, seconds) if fixed else bag.segment
        for network in fixed:
            network.segment = first.audio.samples(seconds)
    how = replace(
        first.evaluation,
        segment_seconds=seconds,
        max_shift_seconds=min(first.evaluation.max_shift_seconds, seconds),
    )
    return Ensemble(Bag(networks, _weights(path, bag, first.audio)), first.audio, how)


def require_same_audio(path: Path, there: AudioFormat, here: AudioFormat, of: str) -> None:
    """CheckpointError where a file's sources, channels or rate are not those of something else."""
    for what in ("sources", "channels", "sample_rate"):
        expected, found = getattr(here, what), getattr(there, what)
        if expected != found:
            shown = [", ".join(each) if what == "sources" else each for each in (expected, found)]
            raise CheckpointError(
                f"{path}: {what}: expected {shown[0]}, as in {of}, found {shown[1]}"
            )


def located(path: Path) -> Path:
    """A run's folder, a file of weights or a bag's YAML file, from what a user may name.

    A folder without a run stands for the bag in it, else for its only file of weights;
    `hf://owner/name` for the folder that it is downloaded to.
    """
    if str(path).startswith(_HUB):
        path = _download(str(path).removeprefix(_HUB).lstrip("/"))
    if (path / BAG).is_file():
        return path / BAG
    if not path.is_dir() or (path / "config.yaml").is_file():
        return path
    for found in (
        sorted(each for each in path.glob("*.yaml") if _BAG.search(each.read_bytes())),
        sorted(each for each in path.iterdir() if each.suffix in SUFFIXES),
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise CheckpointError(
                f"{path}: expected one bag or one file of weights, found "
                f"{', '.join(each.name for each in found)}; name one of them"
            )
    return path


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download  # slow to import

    if name.count("/") != 1:
        raise CheckpointError(f"hf://{name}: expected hf://owner/name")
    try:
        return Path(snapshot_download(name, allow_patterns=["*.yaml", "*.safetensors"]))
    except Exception as error:  # of whatever lies between here and there
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"hf://{name}: cannot be downloaded ({type(error).__name__}: {reason}); without a "
            "network, name a folder that holds its files"
        ) from error


def _bag_file(path: Path) -> BagFile:
    try:
        return load(BagFile, path)
    except ConfigError as error:
        name = "" if str(path) in str(error) else f"{path}: "
        raise CheckpointError(f"{name}{error}") from error


def members_of(path: Path) -> list[Path]:
    """The models that a bag's file names. Raises CheckpointError where one is missing."""
    return [_member(path, name) for name in _bag_file(path).models]


def _member(path: Path, name: str) -> Path:
    """A model of a bag: a run's folder, a file, or the file that begins with its signature."""
    place = path.parent / name
    if place.is_dir() or (place.suffix in SUFFIXES and place.is_file()):
        return place
    candidates = [place.with_name(f"{place.name}{suffix}") for suffix in reversed(SUFFIXES)]
    candidates += sorted(place.parent.glob(f"{place.name}-*.th"))
    found = [each for each in candidates if each.is_file()]
    if not found:
        raise CheckpointError(
            f"{path}: models: expected {name}.safetensors, {name}.th, {name}-CHECKSUM.th or a "
            f"run's folder {name} in {place.parent}, found none"
        )
    return found[0]


def _weights(path: Path, bag: BagFile, audio: AudioFormat) -> Tensor:
    """The weights (M, S) of a bag."""
    S = len(audio.sources)
    rows = bag.weights or [[1.0] * S] * len(bag.models)
    for number, row in enumerate(rows):
        if len(row) != S:
            raise CheckpointError(
                f"{path}: weights[{number}]: expected {S}, of {', '.join(audio.sources)}, "
                f"found {len(row)}"
            )
    weights = torch.tensor(rows)  # (M, S)
    for source, total in zip(audio.sources, weights.sum(0), strict=True):
        if weights.min() < 0 or total <= 0:
            raise CheckpointError(
                f"{path}: weights: expected numbers >= 0, one above 0 for {source}, found "
                f"{weights.tolist()}"
            )
    return weights
