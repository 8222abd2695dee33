"""An experiment from its configuration to its report: both arms trained, evaluated and compared."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from accelerate import Accelerator
from torch import nn

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import Arm, RunConfig
from gan_sep.data.base import Split
from gan_sep.evaluation.evaluate import Evaluation, evaluate
from gan_sep.evaluation.excerpts import EXCERPTS, write_excerpts
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.training import checkpoint
from gan_sep.training.budget import Budget
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.environment import write_text
from gan_sep.training.loop import Run
from gan_sep.training.processes import accelerator_for
from gan_sep.training.silence import require_sound
from gan_sep.training.threads import use_threads

# What may change between a run and its continuation without making it another experiment.
FREE_KEYS = (
    "question",
    "runs",
    "arms",
    "evaluation.",
    "training.steps",
    "training.workers",
    "training.trackers",
    "training.checkpoint_every",
    "training.keep_checkpoints",
)


def run_twins(config: RunConfig, resume: bool) -> list[Path]:
    """Train and evaluate the arms of one seed; what is done already is not done again.

    Returns the arms' folders. Raises ValueError where a folder holds an unfinished run and `resume`
    is false, or a run of another configuration; and what `Run.train` and `evaluate` raise.
    """
    for arm in config.arms:
        check_folder(config, arm, resume)
    for arm in config.arms:
        run_arm(config, arm)
    return [config.arm_folder(arm) for arm in config.arms]


def run_arm(config: RunConfig, arm: Arm) -> None:
    """Train one arm to its last step and evaluate its best weights on the test tracks.

    Raises as `train_arm` and `evaluate`.
    """
    train_arm(config, arm)
    score_arm(config, arm)


def train_arm(config: RunConfig, arm: Arm, budget: Budget | None = None) -> None:
    """Train one arm from its newest checkpoint, or nothing, to its last step.

    Raises ValueError where there is nothing to learn or to validate on; and as `Run.train`.
    """
    run = Run(config, arm)
    require_sound("training", run.pools.paired, config.audio)
    require_sound("validation", run.valid_tracks, config.audio)
    try:
        run.train(budget)
    finally:
        run.accelerator.free_memory()


def score_arm(config: RunConfig, arm: Arm) -> None:
    """Evaluate the best weights of an arm on the test tracks, and where asked on validation ones.

    Raises as `evaluate_arm`.
    """
    run, accelerator = config.arm_folder(arm), accelerator_for(config)
    for split, settings in evaluations(config.evaluation).items():
        evaluated = replace(config.arm(arm), evaluation=settings)
        evaluate_arm(evaluated, run, split, config.arm_rows(arm, split).parent, accelerator)


def evaluations(settings: EvaluationSettings) -> dict[Split, EvaluationSettings]:
    """What the evaluation of an arm consists of: how the tracks of each split are treated."""
    asked: dict[Split, EvaluationSettings] = {"test": settings}
    if settings.validation:
        asked["valid"] = settings.of_validation()
    return asked


def evaluate_arm(
    config: RunConfig, run: Path, split: Split, folder: Path, accelerator: Accelerator
) -> None:
    """Separate and score the tracks of a split with an arm's best weights.

    The folder gets rows.csv, and settings.yaml by which a comparison sees that arms were treated
    alike. Raises CheckpointError as `best_generator`, and what `evaluate` raises.
    """
    use_threads(config.training.threads, accelerator)
    network = best_generator(config, run).to(accelerator.device)
    name = config.arm_name(config.arms[0])
    evaluation = Evaluation(config.audio, config.evaluation, name, config.seed)
    tracks = config.data.build(config.audio, split)
    evaluate(network, tracks, evaluation, folder)
    write_excerpts(network, tracks, evaluation, folder / EXCERPTS)
    if accelerator.is_main_process:
        settings = yaml.safe_dump(evaluation_settings(config, run), sort_keys=False)
        write_text(folder / "settings.yaml", settings)


def evaluation_settings(config: RunConfig, run: Path) -> dict[str, Any]:
    """What settings.yaml says: tracks, how they are treated, how far the arm was trained."""
    return {
        "audio": to_dict(config.audio),
        "data": to_dict(config.data),
        "evaluation": to_dict(config.evaluation),
        "trained_steps": trained_steps(run),
    }


def trained_steps(run: Path) -> int:
    """The step of the newest checkpoint in an arm's folder, 0 without one."""
    newest = checkpoint.latest(run / "checkpoints")
    return checkpoint.step_of(newest) if newest else 0


def best_generator(config: RunConfig, run: Path) -> nn.Module:
    """The generator of an arm's folder with the weights that validation chose.

    Raises CheckpointError where the run has none yet, or its file is damaged.
    """
    path = run / "checkpoints" / "best.pt"
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; an arm has its best weights from its first validation on: "
            "train it, or train it further with --resume"
        )
    network = config.generator.build(config.audio)
    network.load_state_dict(checkpoint.load(path)["generator"])
    return network


def check_folder(config: RunConfig, arm: Arm, resume: bool) -> None:
    """Refuse to mix two experiments in one folder, or to go on with one unasked."""
    folder = config.arm_folder(arm)
    if not (folder / "config.yaml").is_file():
        return
    differences = _differences(to_dict(_written(folder)), to_dict(config.arm(arm)))
    if differences:
        raise ValueError(
            f"{folder} holds a run of another configuration: {'; '.join(differences)}. "
            "Choose another name (name=...) or delete the folder"
        )
    newest = checkpoint.latest(folder / "checkpoints")
    finished = newest == checkpoint.path_of(folder / "checkpoints", config.training.steps)
    if not finished and not resume:
        where = newest.stem if newest else "no checkpoint"
        raise ValueError(
            f"{folder} holds an unfinished run ({where} of {config.training.steps} steps). "
            "Continue it with --resume, or choose another name (name=...) or delete the folder"
        )


def _written(folder: Path) -> RunConfig:
    """The configuration a run was made with; what it could not say yet had its default's effect."""
    path = folder / "config.yaml"
    try:
        return load(RunConfig, path)
    except ConfigError as error:
        raise ValueError(
            f"{path}: expected the configuration of a run, made by this version or one before: "
            f"{error}. Choose another name (name=...) or delete the folder"
        ) from error


def _differences(there: Any, here: Any) -> list[str]:
    flat_there, flat_here = dict(_leaves(there)), dict(_leaves(here))
    keys = sorted(flat_there.keys() | flat_here.keys())
    return [
        f"{key} is {flat_there.get(key)!r} there and {flat_here.get(key)!r} here"
        for key in keys
        if flat_there.get(key) != flat_here.get(key) and not key.startswith(FREE_KEYS)
    ]


def _leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(tree, dict):
        yield key, tree
        return
    for name, value in tree.items():
        yield from _leaves(value, f"{key}.{name}" if key else str(name))
