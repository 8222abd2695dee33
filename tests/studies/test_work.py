"""Where an arm stands, told from files alone: nothing is trained here."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import MakeExperiment

from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.reporting.runs import ROWS, SETTINGS
from gan_sep.studies.work import Work, share_bounds
from gan_sep.training.checkpoint import path_of
from gan_sep.training.twins import evaluation_settings

STEPS = 6


@pytest.fixture
def config(make_experiment: MakeExperiment) -> RunConfig:
    return make_experiment("arms=[gan]", "label=gan_r1")


def write_run(config: RunConfig, step: int) -> Path:
    """What a run leaves that was trained so far, as far as its standing goes by it."""
    folder = config.arm_folder("gan")
    checkpoint = path_of(folder / "checkpoints", step)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.touch()
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config.arm("gan"))))
    return folder


def write_evaluation(config: RunConfig, folder: Path) -> None:
    (folder / SETTINGS).parent.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(yaml.safe_dump(evaluation_settings(config, folder)))
    (folder / ROWS).touch()


def test_an_arm_of_which_nothing_is_there_is_to_do(config: RunConfig) -> None:
    work = Work.of(config)
    assert (work.state, str(work), work.steps_left) == ("to do", "to do", STEPS)
    assert (work.arm, work.arm_name, work.folder.name) == ("gan", "gan_r1", "seed0-gan_r1")


def test_an_arm_goes_from_resume_over_evaluate_to_done(config: RunConfig) -> None:
    folder = write_run(config, 3)
    assert str(Work.of(config)) == "resume at step 3 of 6"
    write_run(config, STEPS)
    assert (Work.of(config).state, Work.of(config).steps_left) == ("evaluate", 0)
    write_evaluation(config, folder)
    assert Work.of(config).state == "done"
    (folder / ROWS).unlink()
    assert Work.of(config).state == "evaluate"


def test_other_evaluation_settings_ask_for_evaluation_and_not_for_training(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    write_evaluation(config, write_run(config, STEPS))
    more = make_experiment("arms=[gan]", "label=gan_r1", "evaluation.oracles=[irm1]")
    assert Work.of(more).state == "evaluate"


def test_an_arm_is_done_when_the_validation_tracks_are_evaluated_too(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment("arms=[gan]", "label=gan_r1", "evaluation.validation=[usdr]")
    folder = write_run(config, STEPS)
    write_evaluation(config, folder)
    assert Work.of(config).state == "evaluate"
    valid = replace(config, evaluation=config.evaluation.of_validation())
    rows = config.arm_rows("gan", "valid")
    rows.parent.mkdir()
    rows.touch()
    rows.with_name(SETTINGS.name).write_text(yaml.safe_dump(evaluation_settings(valid, folder)))
    assert Work.of(config).state == "done"


def test_rows_from_before_further_training_do_not_count(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    folder = write_run(config, 3)
    write_evaluation(config, folder)  # of the best weights until then
    write_run(config, STEPS)
    assert Work.of(config).state == "evaluate"
    write_evaluation(config, folder)
    longer = make_experiment("arms=[gan]", "label=gan_r1", "training.steps=9")
    assert str(Work.of(longer)) == "resume at step 6 of 9"


def test_another_configuration_and_a_longer_run_are_refused(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    folder = write_run(config, STEPS)
    other = make_experiment("arms=[gan]", "label=gan_r1", "optimizer.lr=1")
    with pytest.raises(ValueError, match=r"holds a run of another configuration: optimizer\.lr is"):
        Work.of(other)
    shorter = make_experiment("arms=[gan]", "label=gan_r1", "training.steps=4")
    with pytest.raises(ValueError, match="expected an arm of 4 steps, found one trained for 6"):
        Work.of(shorter)
    assert folder.is_dir()


def test_scores_of_mixture_and_oracles_are_copied_and_those_of_arms_are_not(tmp_path: Path) -> None:
    done, begun = tmp_path / "seed0-plain", tmp_path / "seed0-gan"
    for arm in ("mixture", "irm1", "mwf", "plain"):
        path = done / ROWS.parent / arm / "a song.json"
        path.parent.mkdir(parents=True)
        path.write_text(arm)
    share_bounds(done, begun, ("mixture", "irm1"))
    copied = {path.relative_to(begun): path.read_text() for path in begun.rglob("*.*")}
    folder = ROWS.parent
    assert copied == {folder / arm / "a song.json": arm for arm in ("mixture", "irm1")}
