from pathlib import Path
from typing import Any

import pytest
from conftest import MakeExperiment
from training.test_loop import equal

from gan_sep.config.run import RunConfig
from gan_sep.training import checkpoint
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.loop import Run
from gan_sep.training.records import read_records
from gan_sep.training.twin_start import common_steps, find_start, take_start

PARTING = 3  # inside a logging interval, after the first validation
SETTINGS = (
    "training.validate_every=2",
    "adversarial={warmup_steps: 4, head_start_steps: 1}",
)


def train(config: RunConfig) -> list[int]:
    """Train one arm to its end; the steps that were made for it."""
    run = Run(config, config.arms[0])
    made, step = [], run.learners.training_step.__call__

    def counted(passes: Any, number: int) -> Any:
        made.append(number)
        return step(passes, number)

    run.learners.training_step = counted  # type: ignore[assignment]
    run.train()
    return made


def last_state(config: RunConfig) -> dict[str, Any]:
    folder = config.arm_folder(config.arms[0])
    state = checkpoint.load(checkpoint.path_of(folder / "checkpoints", config.training.steps))
    del state["config"], state["files"]["timing"]
    return state


@pytest.mark.parametrize("label", ["label=null", "label=gan_r1"])
def test_an_arm_that_begins_where_its_plain_twin_parts_has_the_bits_of_one_from_nothing(
    make_experiment: MakeExperiment, label: str
) -> None:
    alone, twin = (
        make_experiment(f"name={name}", "arms=[gan]", label, *SETTINGS)
        for name in ("alone", "twins")
    )
    assert train(alone) == list(range(6))
    assert train(make_experiment("name=twins", "arms=[plain]", *SETTINGS)) == list(range(6))
    assert train(twin) == list(range(PARTING, 6))
    assert equal(last_state(twin), last_state(alone))
    folders = [config.arm_folder("gan") for config in (alone, twin)]
    records = [(folder / "records.jsonl").read_bytes() for folder in folders]
    assert records[0] == records[1]
    steps = [line["step"] for line in read_records(folders[1] / "timing.jsonl")]
    assert steps == [2, 4, 6]
    best = [checkpoint.load(folder / "checkpoints" / "best.pt") for folder in folders]
    assert equal(best[0]["generator"], best[1]["generator"])
    assert best[1]["config"]["name"] == "twins"


def test_best_weights_from_before_the_parting_go_to_the_twin(
    make_experiment: MakeExperiment,
) -> None:
    train(make_experiment("arms=[plain]", *SETTINGS))
    gan = make_experiment("arms=[gan]", *SETTINGS)
    start = find_start(gan)
    assert start is not None
    assert (start["step"], start["best"]["step"], start["best_file"]["step"]) == (PARTING, 2, 2)
    gan.arm_folder("gan").mkdir()
    take_start(gan, start)
    best = checkpoint.load(gan.arm_folder("gan") / "checkpoints" / "best.pt")
    assert equal(best["generator"], start["best_file"]["generator"])
    assert best["score"] == start["best"]["score"]


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ("discriminator.channels=2", PARTING),
        ("adversarial.balance=0.5", PARTING),
        ("adversarial.warmup_steps=5", PARTING),
        ("unpaired.batch_size=4", PARTING),
        ("diagnosis.every=1", PARTING),
        ("evaluation.metrics=[usdr]", PARTING),
        ("training.steps=9", PARTING),
        ("adversarial.warmup_steps=3", 0),
        ("unpaired.set_aside=3", 0),
        ("unpaired=null", 0),
        ("optimizer.lr=0.1", 0),
        ("training.validate_every=3", 0),
        ("evaluation.segment_seconds=0.9", 0),
        ("generator.channels=8", 0),
        ("seed=1", 0),
    ],
)
def test_twins_have_those_steps_in_common_in_which_nothing_differs(
    make_experiment: MakeExperiment, change: str, steps: int
) -> None:
    plain = make_experiment("arms=[plain]", *SETTINGS).arm("plain")
    assert common_steps(plain, make_experiment("arms=[gan]", *SETTINGS, change)) == steps


def test_a_plain_arm_with_a_name_of_its_own_keeps_nothing_for_twins(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment("arms=[plain]", "label=raw", *SETTINGS)
    train(config)
    assert not (config.arm_folder("plain") / "checkpoints" / "twins.pt").exists()


def test_without_tracks_set_aside_a_plain_arm_does_not_feel_unpaired_material(
    make_experiment: MakeExperiment,
) -> None:
    plain = make_experiment("arms=[plain]", *SETTINGS, "unpaired=null").arm("plain")
    gan = make_experiment("arms=[gan]", *SETTINGS, "unpaired={set_aside: 0, batch_size: 1}")
    assert common_steps(plain, gan) == PARTING


def test_two_plain_arms_have_nothing_in_common(make_experiment: MakeExperiment) -> None:
    plain = make_experiment("arms=[plain]", *SETTINGS).arm("plain")
    assert common_steps(plain, plain) == 0


def test_a_damaged_start_is_an_error_that_names_the_file(make_experiment: MakeExperiment) -> None:
    train(make_experiment("arms=[plain]", *SETTINGS))
    gan = make_experiment("arms=[gan]", *SETTINGS)
    start: Path = gan.arm_folder("plain") / "checkpoints" / "twins.pt"
    start.write_bytes(start.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"seed0-plain/checkpoints/twins\.pt: not a check"):
        train(gan)
