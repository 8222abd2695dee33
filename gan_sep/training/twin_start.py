"""The steps that a plain arm and its twins have in common, made once.

Until the discriminators begin to learn, a GAN arm makes the very steps of its plain twin. The plain
arm keeps a checkpoint of that moment, and an arm of its seed that differs from it in nothing that
acts before goes on from there, with the weights and records that it would have made itself.
TensorBoard shows such an arm from there on.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import Adversarial, Diagnosis, RunConfig
from gan_sep.evaluation.evaluate import EvaluationSettings
from gan_sep.training import checkpoint

RECORD_FILES = ("records", "timing")  # NAME.jsonl, of the length that a checkpoint vouches for


def twins_part(config: RunConfig, step: int) -> bool:
    """Whether a plain arm that has made so many steps is where its twins begin to differ."""
    if config.discriminator is not None or config.label is not None:  # a system of its own
        return False
    return 0 < step == config.adversarial.first_discriminator_step


def common_steps(plain: RunConfig, twin: RunConfig) -> int:
    """How many steps of the twin the plain arm makes for it; 0 where they are not the same."""
    steps = plain.adversarial.first_discriminator_step
    in_time = twin.discriminator is not None and steps <= twin.adversarial.first_discriminator_step
    return steps if in_time and _before(plain) == _before(twin) else 0


def keep_start(plain: Path, state: Mapping[str, Any]) -> None:
    """Write down what the twins of a plain arm begin with: the state of its checkpoint at parting.

    plain: the arm's folder. Raises CheckpointError as `checkpoint.save`.
    """
    best = _best_path(plain)
    weights = checkpoint.load(best) if best.is_file() else None  # the file itself will be replaced
    checkpoint.save(_start_path(plain), {**state, "best_file": weights})


def steps_made(twin: RunConfig) -> int:
    """How many steps a plain twin has made for an arm, told from its folder; 0 where there is none.

    What another version has made is not this arm's twin.
    """
    plain = twin.arm_folder("plain")
    if twin.discriminator is None or not _start_path(plain).is_file():
        return 0
    try:
        return common_steps(load(RunConfig, plain / "config.yaml"), twin)
    except ConfigError:
        return 0


def find_start(twin: RunConfig) -> dict[str, Any] | None:
    """What an arm can begin with, None where no plain twin made its first steps.

    Raises CheckpointError where the file is there and damaged.
    """
    if not steps_made(twin):
        return None
    return checkpoint.load(_start_path(twin.arm_folder("plain")))


def take_start(twin: RunConfig, state: Mapping[str, Any]) -> None:
    """Give an arm's folder the records and the best weights of the steps it begins with."""
    plain, folder = twin.arm_folder("plain"), twin.arm_folder("gan")
    for name in RECORD_FILES:
        lines = (plain / f"{name}.jsonl").read_bytes()[: state["files"][name]]
        (folder / f"{name}.jsonl").write_bytes(lines)
    if state["best_file"] is not None:
        checkpoint.save(_best_path(folder), {**state["best_file"], "config": to_dict(twin)})


def _start_path(plain: Path) -> Path:
    return plain / "checkpoints" / "twins.pt"


def _best_path(folder: Path) -> Path:
    return folder / "checkpoints" / "best.pt"


def _before(config: RunConfig) -> RunConfig:
    """What of an experiment acts before the discriminators learn; all else is as by default."""
    unpaired, training, evaluation = config.unpaired, config.training, config.evaluation
    if unpaired is not None:  # of it, reconstruction feels only that tracks are set aside
        unpaired = replace(unpaired, batch_size=1) if unpaired.set_aside else None
    usual = EvaluationSettings()
    return replace(
        config,
        arms=("plain",),
        label=None,
        question=None,
        discriminator=None,
        adversarial=Adversarial(),
        diagnosis=Diagnosis(),
        unpaired=unpaired,
        training=replace(training, steps=1, workers=0, checkpoint_every=1, keep_checkpoints=1),
        evaluation=replace(
            evaluation,
            metrics=usual.metrics,
            museval=usual.museval,
            oracles=usual.oracles,
            excerpts=usual.excerpts,
            validation=usual.validation,
        ),
    )
