"""Where a run stands, told from files alone: nothing is trained here."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import MakeExperiment

from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.data.base import Split
from gan_sep.runs import RunFolder
from gan_sep.studies.work import Work, share_references
from gan_sep.training.checkpoint import path_of
from gan_sep.training.lifecycle import Member, evaluation_settings

STEPS = 6


@pytest.fixture
def config(make_experiment: MakeExperiment) -> RunConfig:
    return make_experiment()


def work_of(config: RunConfig) -> Work:
    return Work.of(Member(config, "gan_r1"))


def write_run(config: RunConfig, step: int) -> RunFolder:
    """What a run leaves that was trained so far, as far as its standing goes by it."""
    run = RunFolder.of(config, "gan_r1")
    checkpoint = path_of(run.checkpoints, step)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.touch()
    run.config_file.write_text(yaml.safe_dump(to_dict(config)))
    return run


def write_evaluation(config: RunConfig, run: RunFolder, split: Split = "test") -> None:
    run.evaluation(split).mkdir(parents=True, exist_ok=True)
    run.settings_file(split).write_text(yaml.safe_dump(evaluation_settings(config, run)))
    run.rows_file(split).touch()


def test_an_arm_of_which_nothing_is_there_is_to_do(config: RunConfig) -> None:
    work = work_of(config)
    assert (work.state, str(work), work.steps_left) == ("to do", "to do", STEPS)
    assert (work.arm, work.name) == ("gan_r1", "seed0-gan_r1")


def test_an_arm_goes_from_resume_over_evaluate_to_done(config: RunConfig) -> None:
    folder = write_run(config, 3)
    assert str(work_of(config)) == "resume at step 3 of 6"
    write_run(config, STEPS)
    assert (work_of(config).state, work_of(config).steps_left) == ("evaluate", 0)
    write_evaluation(config, folder)
    assert work_of(config).state == "done"
    folder.rows_file().unlink()
    assert work_of(config).state == "evaluate"


def test_other_evaluation_settings_ask_for_evaluation_and_not_for_training(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    write_evaluation(config, write_run(config, STEPS))
    more = make_experiment("evaluation.oracles=[irm1]")
    assert work_of(more).state == "evaluate"


def test_an_arm_is_done_when_the_validation_tracks_are_evaluated_too(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment("evaluation.validation=[usdr]")
    folder = write_run(config, STEPS)
    write_evaluation(config, folder)
    assert work_of(config).state == "evaluate"
    valid = replace(config, evaluation=config.evaluation.of_validation())
    write_evaluation(valid, folder, "valid")
    assert work_of(config).state == "done"


def test_rows_from_before_further_training_do_not_count(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    folder = write_run(config, 3)
    write_evaluation(config, folder)  # of the best weights until then
    write_run(config, STEPS)
    assert work_of(config).state == "evaluate"
    write_evaluation(config, folder)
    longer = make_experiment("training.steps=9")
    assert str(work_of(longer)) == "resume at step 6 of 9"


def test_another_configuration_and_a_longer_run_are_refused(
    config: RunConfig, make_experiment: MakeExperiment
) -> None:
    folder = write_run(config, STEPS)
    other = make_experiment("optimizer.lr=1")
    with pytest.raises(ValueError, match=r"holds a run of another configuration: optimizer\.lr is"):
        work_of(other)
    shorter = make_experiment("training.steps=4")
    with pytest.raises(ValueError, match="expected at least the 6 that this run has made, got 4"):
        work_of(shorter)
    assert folder.folder.is_dir()


def test_scores_of_mixture_and_oracles_are_copied_and_those_of_arms_are_not(tmp_path: Path) -> None:
    done, begun = (RunFolder.at(tmp_path / name) for name in ("seed0-plain", "seed0-gan"))
    for arm in ("mixture", "irm1", "mwf", "plain"):
        path = done.evaluation() / arm / "a song.json"
        path.parent.mkdir(parents=True)
        path.write_text(arm)
    share_references(done, begun, ("mixture", "irm1"))
    copied = {path: path.read_text() for path in begun.folder.rglob("*.*")}
    assert copied == {begun.evaluation() / arm / "a song.json": arm for arm in ("mixture", "irm1")}
