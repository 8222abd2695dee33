"""A run from its configuration to its rows: checked, trained, evaluated."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from accelerate import Accelerator
from torch import Tensor, nn

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.data.base import Split
from gan_sep.evaluation.evaluate import Evaluation, evaluate
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.runs import SETTINGS, RunFolder, write_text
from gan_sep.training import checkpoint
from gan_sep.training.budget import Budget
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.loop import Run
from gan_sep.training.memory import require_networks_fit
from gan_sep.training.processes import accelerator_for, launched_state
from gan_sep.training.silence import require_sound
from gan_sep.training.threads import use_threads

# What may change between a run and its continuation without making it another run.
FREE_KEYS = (
    "question",
    "runs",
    "data.check",
    "evaluation.",
    "training.steps",
    "training.workers",
    "training.trackers",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.keep_steps",
)


class Member(NamedTuple):
    """A run of a comparison: its configuration, and the arm it stands for."""

    config: RunConfig
    arm: str
    trunk: RunFolder | None = None  # the run that may have made its first steps

    @property
    def folder(self) -> RunFolder:
        """Where it writes."""
        return RunFolder.of(self.config, self.arm)


def pair(config: RunConfig) -> list[Member]:
    """A run and its plain counterpart, which comes first; the plain run alone where it is one."""
    plain = Member(config.plain, "plain")
    if config.discriminator is None:
        return [plain]
    return [plain, Member(config, "gan", trunk=plain.folder)]


def run_members(members: list[Member], resume: bool) -> None:
    """Train and evaluate the runs; what is done already is not done again.

    Raises ValueError where a folder holds an unfinished run and `resume` is false, or a run of
    another configuration, or another process works in it; and what `Run.train` and `evaluate`
    raise.
    """
    for member in members:
        check_folder(member, resume)
    launched_state().wait_for_everyone()  # none writes into a folder that another still checks
    for member in members:
        with member.folder.owned():
            train(member)
            score(member)


def train(member: Member, budget: Budget | None = None) -> None:
    """Train a run from its newest checkpoint, or nothing, to its last step.

    Raises ValueError where there is nothing to learn or to validate on; and as `Run.train`.
    """
    run = Run(member.config, member.arm, member.trunk)
    require_sound("training", run.material.pools.paired, run.config.audio)
    require_sound("validation", run.material.splits["valid"], run.config.audio)
    try:
        with member.folder.owned():
            run.train(budget)
    finally:
        run.accelerator.free_memory()


def score(member: Member) -> None:
    """Evaluate a run's weights on the test tracks, and where asked on validation ones.

    Raises CheckpointError as `best_generator`, and what `evaluate` raises.
    """
    accelerator, run = accelerator_for(member.config), member.folder
    for split, settings in evaluations(member.config.evaluation).items():
        config = replace(member.config, evaluation=settings)
        network = best_generator(config, run)
        evaluate_network(network, config, run, split, run.evaluation(split), accelerator)


def evaluations(settings: EvaluationSettings) -> dict[Split, EvaluationSettings]:
    """What the evaluation of an arm consists of: how the tracks of each split are treated."""
    asked: dict[Split, EvaluationSettings] = {"test": settings}
    if settings.validation:
        asked["valid"] = settings.of_validation()
    return asked


def evaluate_network(
    network: nn.Module,
    config: RunConfig,
    run: RunFolder,
    split: Split,
    folder: Path,
    accelerator: Accelerator,
) -> None:
    """Separate and score the tracks of a split with a network, as the arm and seed of `run`.

    The folder gets rows.csv, and settings.yaml by which a comparison sees that runs were treated
    alike. Raises what `evaluate` raises.
    """
    use_threads(config.training.threads, accelerator)
    network = network.to(accelerator.device)
    evaluation = Evaluation(config.audio, config.evaluation, run.arm, config.seed)
    tracks = config.data.build(config.audio, split)
    inside = folder.resolve().is_relative_to(run.folder.resolve())
    with (run if inside else RunFolder(folder, run.seed, run.arm)).owned():
        evaluate(network, tracks, evaluation, folder)
        if accelerator.is_main_process:
            settings = yaml.safe_dump(evaluation_settings(config, run), sort_keys=False)
            write_text(folder / SETTINGS, settings)


def evaluation_settings(config: RunConfig, run: RunFolder) -> dict[str, Any]:
    """What settings.yaml says: tracks, how they are treated, how far the run was trained."""
    return {
        "audio": to_dict(config.audio),
        "data": to_dict(config.data),
        "evaluation": to_dict(config.evaluation),
        "trained_steps": trained_steps(run),
    }


def trained_steps(run: RunFolder) -> int:
    """The step of the newest checkpoint, one less where its validation is due; 0 without one."""
    newest = checkpoint.latest(run.checkpoints)
    return checkpoint.step_of(newest) - checkpoint.is_due(newest) if newest else 0


def best_generator(config: RunConfig, run: RunFolder) -> nn.Module:
    """The generator of a run with the weights that are evaluated. Raises as `best_weights`."""
    network = config.generator.build(config.audio)
    with checkpoint.fitting(run.best):
        network.load_state_dict(best_weights(run))
    return network


def best_weights(run: RunFolder) -> dict[str, Tensor]:
    """The generator's weights that are evaluated.

    Raises CheckpointError where the run has none yet, or their file is damaged.
    """
    if not run.best.is_file():
        raise CheckpointError(
            f"{run.best}: no such file; a run has weights to evaluate from its first validation "
            "on: train it, or train it further with --resume"
        )
    state = checkpoint.load(run.best)
    with checkpoint.fitting(run.best):
        weights: dict[str, Tensor] = dict(state["generator"])
        if not all(isinstance(value, Tensor) for value in weights.values()):
            raise TypeError("expected named tensors")
    return weights


def check_folder(member: Member, resume: bool) -> None:
    """Refuse to mix two runs in one folder, to go on with one unasked, or to train a giant."""
    run, config = member.folder, member.config
    if trained_steps(run) < config.training.steps:
        require_networks_fit(config, launched_state().device)
    if not run.config_file.is_file():
        if checkpoint.latest(run.checkpoints):
            raise FileNotFoundError(
                f"{run.config_file}: not there beside the checkpoints of a run; bring it back, or "
                "choose another name (name=...) or delete the folder"
            )
        return
    differences = _differences(to_dict(_written(run)), to_dict(config))
    if differences:
        raise ValueError(
            f"{run.folder} holds a run of another configuration: {'; '.join(differences)}. "
            "Choose another name (name=...) or delete the folder"
        )
    newest = checkpoint.latest(run.checkpoints)
    steps, made = config.training.steps, trained_steps(run)
    if newest and (reached := checkpoint.step_of(newest)) > steps:
        raise ValueError(
            f"{run.folder}: training.steps: expected at least the {reached} that this run has "
            f"made, got {steps}; choose another name (name=...) for a shorter run"
        )
    if made != steps and not resume:
        with run.owned():  # where a living process is at work, that is what is wrong
            pass
        where = newest.stem if newest else "no checkpoint"
        raise ValueError(
            f"{run.folder} holds an unfinished run ({where} of {steps} steps). "
            "Continue it with --resume, or choose another name (name=...) or delete the folder"
        )


def _written(run: RunFolder) -> RunConfig:
    """The configuration a run was made with; what it could not say yet had its default's effect."""
    path = run.config_file
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
