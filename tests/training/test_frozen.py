"""The first steps, in which the generator keeps its weights and discriminators learn."""

from typing import Any

import pytest
import torch
from conftest import MakeExperiment, of_arm
from torch import Tensor

from gan_sep.config.loader import ConfigError
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint
from gan_sep.training.loop import Run

SETTINGS = (
    "training.steps=6",
    "training.checkpoint_every=1",
    "training.keep_checkpoints=9",
    "adversarial={warmup_steps: 3, head_start_steps: 3}",
)


def states(config: Any, arm: str) -> list[dict[str, Any]]:
    """What a run is after each of its steps, the first of them after none."""
    run = Run(config, arm)
    fresh = {"players": run.learners.state_dict()["players"]}
    fresh = {"players": {k: {"network": {n: w.clone() for n, w in v["network"].items()}}
                         for k, v in fresh["players"].items()}}  # fmt: skip
    run.train()
    folder = RunFolder.of(config, arm).checkpoints
    return [fresh, *(checkpoint.load(checkpoint.path_of(folder, n)) for n in range(1, 7))]


def weights(state: dict[str, Any], player: str) -> dict[str, Tensor]:
    network: dict[str, Tensor] = state["players"][player]["network"]
    return network


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("arm", ["plain", "gan"])
def test_the_generator_keeps_its_weights_while_discriminators_learn(
    arm: str, make_experiment: MakeExperiment
) -> None:
    config = of_arm(make_experiment(*SETTINGS, "training.frozen_steps=3"), arm)
    after = states(config, arm)
    for step in range(1, 7):
        before, now = after[step - 1], after[step]
        assert equal(weights(before, "generator"), weights(now, "generator")) == (step <= 3)
        if arm == "gan":
            assert not equal(weights(before, "discriminator"), weights(now, "discriminator"))
    average = {k.removeprefix("module."): v for k, v in after[3]["average"].items()}
    assert all(torch.equal(average[k], v) for k, v in weights(after[3], "generator").items())
    assert not after[3]["players"]["generator"]["optimizer"]["state"]


def test_a_run_without_frozen_steps_is_another_from_its_first_step_on(
    make_experiment: MakeExperiment,
) -> None:
    after = states(make_experiment(*SETTINGS), "gan")
    assert not equal(weights(after[0], "generator"), weights(after[1], "generator"))


@pytest.mark.parametrize("steps", [-1, 6])
def test_frozen_steps_end_before_the_run(steps: int, make_experiment: MakeExperiment) -> None:
    with pytest.raises(ConfigError, match=r"training.frozen_steps: expected 0 or more and less"):
        make_experiment("training.steps=6", f"training.frozen_steps={steps}")
