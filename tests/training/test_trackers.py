"""Trackers: what TensorBoard and Weights & Biases are told of a run."""

import sys
from types import ModuleType
from typing import Any

import pytest
from conftest import MakeExperiment
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from gan_sep.runs import RunFolder
from gan_sep.training import trackers
from gan_sep.training.loop import Run


def told(folder: Any) -> EventAccumulator:
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def test_tensorboard_is_told_the_records_and_what_the_estimates_sound_like(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    Run(config, "gan").train()
    events = told(RunFolder.of(config, "gan").folder)
    records = RunFolder.of(config, "gan").records("train")
    found = [(event.step, event.value) for event in events.Scalars("loss/l1_time/low")]
    assert found == [
        (record["step"], pytest.approx(record["loss"]["l1_time"]["low"])) for record in records
    ]
    assert "valid/usdr/All" in events.Tags()["scalars"]
    assert "valid song 0/estimate/low" in events.Tags()["audio"]
    assert "valid song 0/reference/high" in events.Tags()["images"]


def test_without_trackers_nothing_is_written(make_experiment: MakeExperiment) -> None:
    config = make_experiment("training.trackers=[]")
    Run(config.plain, "plain").train()
    assert not (RunFolder.of(config, "plain").folder / "tensorboard").exists()
    assert RunFolder.of(config, "plain").records("train")


def test_wandb_is_told_the_same_numbers(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the calls that its documentation gives, on a module that notes them down."""
    started: list[dict[str, Any]] = []
    logged: list[tuple[int, dict[str, float]]] = []

    class FakeRun:
        def log(self, values: dict[str, float], step: int) -> None:
            logged.append((step, values))

        def finish(self) -> None:
            logged.append((-1, {}))

    def init(**settings: Any) -> FakeRun:
        started.append(settings)
        return FakeRun()

    fake: Any = ModuleType("wandb")
    fake.init = init
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setattr(trackers, "find_spec", lambda name: fake)
    config = make_experiment("training.trackers=[wandb]")
    Run(config.plain, "plain").train()
    (settings,) = started
    assert settings["project"] == "gan_sep"
    assert settings["name"] == f"{config.name}/seed0-plain"
    assert settings["config"]["losses"][0]["name"] == "l1_time"
    records = RunFolder.of(config, "plain").records("train")
    assert (
        next(values for step, values in logged if step == 2)["loss/l1_time/low"]
        == (records[0]["loss"]["l1_time"]["low"])
    )
    assert logged[-1] == (-1, {})


def test_a_tracker_that_is_not_installed_is_named_before_anything_is_read(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    config = make_experiment("training.trackers=[wandb]")
    with pytest.raises(ValueError, match=r"training\.trackers: wandb not installed: pip install w"):
        Run(config.plain, "plain")


def test_a_tracker_is_named_once(make_experiment: MakeExperiment) -> None:
    with pytest.raises(ValueError, match=r"training\.trackers: expected each once"):
        make_experiment("training.trackers=[tensorboard, tensorboard]")
