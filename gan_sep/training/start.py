"""What a run begins with that another run made: shared first steps, or weights to go on from.

Until the discriminators begin to learn, a run makes the very steps of its plain counterpart. The
run that a study names its trunk keeps its state of that moment, and a run of its seed that differs
from it in nothing that acts before goes on from there, with the weights and records that it would
have made itself. `start` in a configuration asks for a checkpoint of any other run, or for the
weights in a file.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import ConfigError, build, load, to_dict
from gan_sep.config.run import Adversarial, Diagnosis, RunConfig, Start
from gan_sep.evaluation.evaluate import EvaluationSettings
from gan_sep.optimizers.schedules import constant
from gan_sep.runs import RunFolder, write_bytes
from gan_sep.training import checkpoint

# Options of generators that change nothing in a trained network, or that a run may choose.
_OF_TRAINING = (
    "dropout", "layer_scale", "rescale", "segment_seconds", "normalize", "query_block",
)  # fmt: skip


def branching_step(config: RunConfig) -> int:
    """The step until which a plain run and its counterparts are the same."""
    return config.adversarial.first_discriminator_step


def common_steps(trunk: RunConfig, other: RunConfig) -> int:
    """How many steps of the other run the trunk makes for it; 0 where they are not the same."""
    steps = branching_step(trunk)
    in_time = other.discriminator is not None and steps <= branching_step(other)
    same = trunk.discriminator is None and _before(trunk) == _before(other)
    return steps if in_time and same else 0


def keep(run: RunFolder, state: Mapping[str, Any]) -> None:
    """Write down what runs that branch off here begin with: the state of a checkpoint.

    Raises CheckpointError as `checkpoint.save`.
    """
    weights = checkpoint.load(run.best) if run.best.is_file() else None  # it will be replaced
    checkpoint.save(run.kept(state["step"]), {**state, "best_file": weights})


def steps_made(trunk: RunFolder, other: RunConfig) -> int:
    """How many steps a trunk has made for a run, told from its folder; 0 where there are none.

    What another version has made is nobody's trunk.
    """
    if not trunk.config_file.is_file():
        return 0
    try:
        steps = common_steps(load(RunConfig, trunk.config_file), other)
    except ConfigError:
        return 0
    return steps if trunk.kept(steps).is_file() else 0


def what_differs(trunk: RunFolder, other: RunConfig) -> str:
    """Why a trunk has made no steps for a run, in words."""
    try:
        written = load(RunConfig, trunk.config_file)
    except ConfigError:
        return "it is of another version"
    there, here = to_dict(_before(written)), to_dict(_before(other))
    differing = [key for key in here if here[key] != there[key]]
    return f"{', '.join(differing)} differ" if differing else "its checkpoint of that step is gone"


def take_state(
    run: RunFolder, config: RunConfig, origin: RunFolder, step: int, accelerator: Accelerator
) -> dict[str, Any]:
    """The state of another run after a step; the run gets the records and the best weights so far.

    Raises CheckpointError where there is none or it is damaged.
    """
    state = checkpoint.load(_state_file(origin, step))
    if not accelerator.is_main_process:
        return state
    for name, there, here in (
        ("records", origin.records_file, run.records_file),
        ("timing", origin.timing_file, run.timing_file),
    ):
        write_bytes(here, there.read_bytes()[: state["files"][name]])
    if state.get("best_file") is not None:
        checkpoint.save(run.best, {**state["best_file"], "config": to_dict(config)})
    return state


def _state_file(origin: RunFolder, step: int) -> Any:
    """The file of a run's state after a step. Raises CheckpointError naming those that exist."""
    for path in (origin.kept(step), checkpoint.path_of(origin.checkpoints, step)):
        if path.is_file():
            return path
    paths = [path for path in origin.checkpoints.glob("*-0*.pt") if not checkpoint.is_due(path)]
    there = sorted(set(map(checkpoint.step_of, paths)))
    raise checkpoint.CheckpointError(
        f"{origin.folder}: keeps no checkpoint of step {step}, but of "
        f"{', '.join(map(str, there)) or 'none'}; train it with training.keep_steps=[{step}]"
    )


class Taken(NamedTuple):
    """Names of weights: those taken, those left as they were drawn, those that nothing wanted."""

    taken: list[str]
    left: list[str]
    unwanted: list[str]

    def __str__(self) -> str:
        lines = [f"{len(self.taken)} of {len(self.taken) + len(self.left)} weights taken"]
        for what, names in (("left as drawn", self.left), ("not taken", self.unwanted)):
            if names:
                more = f" and {len(names) - 10} more" if len(names) > 10 else ""
                lines.append(f"{what}: {', '.join(names[:10])}{more}")
        return "; ".join(lines)


def start_weights(config: RunConfig) -> dict[str, Tensor]:
    """The generator's weights that `start` names.

    Raises CheckpointError where the file is missing or damaged, or holds none, and, where all have
    to fit, where they are of another network or of other signals.
    """
    start = config.start
    assert start is not None
    path = start.file
    if path is not None and path.suffix != ".pt":
        from gan_sep.published.bags import read_single  # which imports this file

        # Only weights are taken: the run's own configuration says what is imported.
        model = read_single(path, trust_module=True)
        _require_same(model.path, to_dict(model.said), config)
        return dict(model.weights)
    if path is None:
        assert start.run is not None
        origin = RunFolder.at(start.run)
        path = origin.best if start.step is None else _state_file(origin, start.step)
    state = checkpoint.load(path, "Name another file or run in start")
    there = state.get("config", {})
    if {"audio", "generator"} <= there.keys():
        _require_same(path, there, config)
    if state.get("average") is not None:  # a whole state: the averaged weights are evaluated
        averaged: dict[str, Tensor] = state["average"]
        prefix = "module."
        return {k.removeprefix(prefix): v for k, v in averaged.items() if k.startswith(prefix)}
    if "players" in state:
        weights: dict[str, Tensor] = state["players"]["generator"]["network"]
        return weights
    if "generator" not in state:
        raise checkpoint.CheckpointError(f"{path}: expected weights of a generator, found none")
    generator: dict[str, Tensor] = state["generator"]
    return generator


def _require_same(path: Path, there: Mapping[str, Any], config: RunConfig) -> None:
    """Hold the configuration beside some weights against this run's: its audio and generator.

    Where weights need not all fit, only the same sources in another order are refused. Raises
    CheckpointError naming the file, what was expected and what was found.
    """
    from gan_sep.published.bags import require_same_audio  # which imports this file

    assert config.start is not None
    strict, audio = config.start.match == "strict", build(AudioFormat, there["audio"], "audio")
    permuted = sorted(audio.sources) == sorted(config.audio.sources)
    if strict or (permuted and audio.sources != config.audio.sources):
        require_same_audio(path, audio, config.audio, "audio")
    for key, expected in to_dict(config)["generator"].items():
        found = there["generator"].get(key, expected)  # an older version lacks an option
        if strict and key not in _OF_TRAINING and found != expected:
            raise checkpoint.CheckpointError(
                f"{path}: generator.{key}: expected {expected}, as configured, found {found}; "
                f"configure {found}, or say start.match=shapes to take the weights that fit"
            )


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], start: Start) -> Taken:
    """Give a network the weights -> what was taken and what was not.

    Raises CheckpointError where `match: strict` finds other names or shapes, or `shapes` nothing.
    """
    own = network.state_dict()
    fitting = {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape}
    left = [name for name in own if name not in fitting]
    unwanted = [name for name in weights if name not in fitting]
    origin = start.file or start.run
    if start.match == "strict" and (left or unwanted):
        name = (left or unwanted)[0]
        raise checkpoint.CheckpointError(
            f"{origin}: expected the weights of this generator; {name} is "
            f"{_shape(own, name)} here and {_shape(weights, name)} there ({len(left)} of "
            f"{len(own)} do not fit); say start.match=shapes to take those that do"
        )
    if not fitting:
        raise checkpoint.CheckpointError(f"{origin}: holds no weights that fit this generator")
    with torch.no_grad():
        network.load_state_dict({**own, **fitting})
    return Taken(list(fitting), left, unwanted)


def _shape(weights: Mapping[str, Tensor], name: str) -> str:
    return str(tuple(weights[name].shape)) if name in weights else "absent"


def _before(config: RunConfig) -> RunConfig:
    """What of a run acts before the discriminators learn; all else is as by default."""
    unpaired, training, evaluation = config.unpaired, config.training, config.evaluation
    if unpaired is not None:  # of it, reconstruction feels only that tracks are set aside
        unpaired = replace(unpaired, batch_size=1) if unpaired.set_aside else None
    usual = EvaluationSettings()
    return replace(
        config,
        runs=Path("runs"),  # a folder of runs may have been moved or copied
        question=None,
        discriminator=None,
        adversarial=Adversarial(),
        diagnosis=Diagnosis(),
        unpaired=unpaired,
        training=replace(
            training,
            # Schedules may look ahead to the last step.
            steps=training.steps if config.optimizer.schedule != constant.Config() else 1,
            workers=0,
            checkpoint_every=1,
            keep_checkpoints=1,
            keep_steps=(),
        ),
        evaluation=replace(
            evaluation,
            metrics=usual.metrics,
            oracles=usual.oracles,
            excerpts=usual.excerpts,
            validation=usual.validation,
        ),
    )
