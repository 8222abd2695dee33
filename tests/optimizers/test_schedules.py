"""Schedules against values by hand and against torch's schedulers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from gan_sep.config.loader import ConfigError, build
from gan_sep.optimizers import adam
from gan_sep.optimizers.schedules import constant, cosine, plateau, step
from gan_sep.optimizers.schedules.base import Progress, Schedule

STEPS = 50


def rates(schedule: Schedule) -> list[float]:
    return [schedule.factor(Progress(number, STEPS)) for number in range(STEPS)]


def torch_rates(make: Callable[[Any], Any]) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_constant_grows_over_the_warmup_and_stays() -> None:
    assert rates(constant.Config()) == [1.0] * STEPS
    assert rates(constant.Config(warmup_steps=3))[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_cosine_is_torchs() -> None:
    expected = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.1))
    assert rates(cosine.Config(final=0.1)) == pytest.approx(expected)


def test_cosine_after_a_warmup_falls_to_its_end_and_stays_there() -> None:
    schedule = cosine.Config(warmup_steps=10, steps=30, final=0.2)
    assert schedule.factor(Progress(9, STEPS)) == pytest.approx(10 / 11)
    assert schedule.factor(Progress(10, STEPS)) == 1.0
    assert schedule.factor(Progress(20, STEPS)) == pytest.approx(0.6)
    assert schedule.factor(Progress(30, STEPS)) == pytest.approx(0.2)
    assert schedule.factor(Progress(49, STEPS)) == pytest.approx(0.2)


def test_step_is_torchs() -> None:
    expected = torch_rates(lambda o: lr_scheduler.StepLR(o, 7, 0.5))
    assert rates(step.Config(every=7, drop=0.5)) == pytest.approx(expected)


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau_is_torchs(patience: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.3, patience=patience, threshold=0.0, eps=0.0
    )
    scores = torch.randn(40, generator=torch.Generator().manual_seed(0)).tolist()
    schedule = plateau.Config(patience=patience)
    for number, score in enumerate(scores):
        scheduler.step(score)
        found = schedule.factor(Progress(0, STEPS, scores[: number + 1]))
        assert found == pytest.approx(optimizer.param_groups[0]["lr"])
    assert found < 0.5


def test_a_schedule_is_a_section_of_the_optimizer() -> None:
    config = build(adam.Config, {"schedule": {"name": "step", "every": 3}})
    assert config.schedule == step.Config(every=3)
    assert adam.Config().schedule == constant.Config()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "linear"}, r"schedule\.name: no schedule called 'linear'"),
        ({"warmup_steps": -1}, r"schedule\.warmup_steps: expected at least 0"),
        ({"name": "cosine", "final": 2}, r"schedule\.final: expected 0 to 1"),
        (
            {"name": "cosine", "steps": 5, "warmup_steps": 5},
            r"schedule\.steps: expected more than warmup_steps \(5\), got 5",
        ),
        ({"name": "step", "every": 0}, r"schedule\.every: expected at least 1"),
        ({"name": "step", "drop": 0}, r"schedule\.drop: expected \(0, 1\]"),
        ({"name": "plateau", "patience": -1}, r"schedule\.patience: expected at least 0"),
        ({"name": "plateau", "drop": 1.5}, r"schedule\.drop: expected \(0, 1\]"),
    ],
)
def test_settings_without_meaning_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(adam.Config, {"schedule": values})
