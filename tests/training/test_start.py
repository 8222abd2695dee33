from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeExperiment
from training.test_loop import equal

from gan_sep.config.loader import ConfigError
from gan_sep.config.run import RunConfig
from gan_sep.optimizers import adam
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.loop import Run
from gan_sep.training.start import common_steps, steps_made

BRANCHING = 3  # inside a logging interval, after the first validation
SETTINGS = (
    "training.validate_every=2",
    "adversarial={warmup_steps: 4, head_start_steps: 1}",
)


def train(config: RunConfig, arm: str, trunk: RunFolder | None = None) -> list[int]:
    """Train a run to its end; the steps that were made for it."""
    run = Run(config, arm, trunk)
    made, step = [], run.learners.training_step.__call__

    def counted(passes: Any, number: int) -> Any:
        made.append(number)
        return step(passes, number)

    run.learners.training_step = counted  # type: ignore[assignment]
    run.train()
    return made


def last_state(run: RunFolder, step: int = 6) -> dict[str, Any]:
    state = checkpoint.load(checkpoint.path_of(run.checkpoints, step))
    del state["config"], state["files"]["timing"]
    return state


def require_equal(run: RunFolder, other: RunFolder) -> None:
    """Last state, records and evaluated weights to the bit."""
    assert equal(last_state(run), last_state(other))
    assert run.records_file.read_bytes() == other.records_file.read_bytes()
    best = [checkpoint.load(each.best) for each in (run, other)]
    assert equal(best[0]["generator"], best[1]["generator"])


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["gan", "gan_r1"])
def test_a_run_that_branches_off_its_trunk_has_the_bits_of_one_from_nothing(
    make_experiment: MakeExperiment, arm: str
) -> None:
    alone, branch = (make_experiment(f"name={name}", *SETTINGS) for name in ("alone", "branch"))
    trunk = RunFolder.of(branch, "plain")
    assert train(alone, arm) == list(range(6))
    assert train(branch.plain, "plain") == list(range(6))
    assert train(branch, arm, trunk) == list(range(BRANCHING, 6))
    require_equal(RunFolder.of(branch, arm), RunFolder.of(alone, arm))
    run = RunFolder.of(branch, arm)
    assert [line["step"] for line in run.timing] == [2, 4, 6]
    assert run.environment["begins"] == {"run": str(trunk.folder), "step": BRANCHING}
    assert checkpoint.load(run.best)["config"]["name"] == "branch"


def test_best_weights_from_before_the_branching_go_to_the_branch(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment(*SETTINGS, "training.validate_every=2", "training.steps=5")
    trunk = RunFolder.of(config, "plain")
    train(config.plain, "plain")
    kept = checkpoint.load(trunk.kept(BRANCHING))
    assert (kept["step"], kept["best"]["step"], kept["best_file"]["step"]) == (BRANCHING, 2, 2)
    run = Run(config, "gan", trunk)
    run._begin()
    best = checkpoint.load(run.folder.best)
    assert equal(best["generator"], kept["best_file"]["generator"])
    assert best["score"] == kept["best"]["score"]


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ("discriminator.channels=2", BRANCHING),
        ("adversarial.balance=0.5", BRANCHING),
        ("adversarial.warmup_steps=5", BRANCHING),
        ("unpaired.batch_size=4", BRANCHING),
        ("diagnosis.every=1", BRANCHING),
        ("evaluation.metrics=[usdr]", BRANCHING),
        ("training.steps=9", BRANCHING),
        ("runs=elsewhere", BRANCHING),
        ("adversarial.warmup_steps=3", 0),
        ("unpaired.set_aside=3", 0),
        ("unpaired=null", 0),
        ("optimizer.lr=0.1", 0),
        ("optimizer.schedule={name: cosine}", 0),
        ("training.validate_every=3", 0),
        ("evaluation.segment_seconds=0.9", 0),
        ("generator.channels=8", 0),
        ("seed=1", 0),
    ],
)
def test_runs_have_those_steps_in_common_in_which_nothing_differs(
    make_experiment: MakeExperiment, change: str, steps: int
) -> None:
    plain = make_experiment(*SETTINGS).plain
    assert common_steps(plain, make_experiment(*SETTINGS, change)) == steps


def test_a_schedule_that_looks_ahead_is_shared_by_runs_of_equal_length_alone(
    make_experiment: MakeExperiment,
) -> None:
    settings = (*SETTINGS, "optimizer.schedule={name: cosine}")
    plain = make_experiment(*settings).plain
    assert common_steps(plain, make_experiment(*settings)) == BRANCHING
    assert common_steps(plain, make_experiment(*settings, "training.steps=9")) == 0


def test_without_tracks_set_aside_a_plain_run_does_not_feel_unpaired_material(
    make_experiment: MakeExperiment,
) -> None:
    plain = make_experiment(*SETTINGS, "unpaired=null").plain
    gan = make_experiment(*SETTINGS, "unpaired={set_aside: 0, batch_size: 1}")
    assert common_steps(plain, gan) == BRANCHING


def test_two_plain_runs_have_nothing_in_common(make_experiment: MakeExperiment) -> None:
    plain = make_experiment(*SETTINGS).plain
    assert common_steps(plain, plain) == 0


def test_a_trunk_that_has_not_come_so_far_made_no_steps(make_experiment: MakeExperiment) -> None:
    config = make_experiment(*SETTINGS)
    assert steps_made(RunFolder.of(config, "plain"), config) == 0
    assert train(config, "gan", RunFolder.of(config, "plain")) == list(range(6))


def test_a_damaged_trunk_is_an_error_that_names_the_file(make_experiment: MakeExperiment) -> None:
    config = make_experiment(*SETTINGS)
    train(config.plain, "plain")
    trunk = RunFolder.of(config, "plain")
    kept = trunk.kept(BRANCHING)
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"checkpoints/kept-00000003\.pt: not a check"):
        train(config, "gan", trunk)


def test_everything_of_a_kept_step_goes_on_as_the_run_itself_did(
    make_experiment: MakeExperiment,
) -> None:
    whole = make_experiment("name=whole", *SETTINGS, "training.keep_steps=[5]")
    train(whole, "gan")
    origin = RunFolder.of(whole, "gan")
    start = f"start={{run: {origin.folder}, step: 5, take: everything}}"
    config = make_experiment("name=further", *SETTINGS, start)
    assert train(config, "gan") == [5]
    require_equal(RunFolder.of(config, "gan"), origin)


def test_a_step_that_was_not_kept_is_refused_with_those_that_were(
    make_experiment: MakeExperiment,
) -> None:
    train(make_experiment("name=whole").plain, "plain")
    origin = RunFolder.of(make_experiment("name=whole"), "plain")
    start = f"start={{run: {origin.folder}, step: 4, take: everything}}"
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 4, but of 1, 3, 6; train"):
        train(make_experiment("name=further", start), "gan")


def test_weights_begin_at_step_0_in_generator_and_average(make_experiment: MakeExperiment) -> None:
    train(make_experiment("name=whole").plain, "plain")
    origin = RunFolder.of(make_experiment("name=whole"), "plain")
    for start in (f"{{run: {origin.folder}}}", f"{{file: {origin.best}}}"):
        run = Run(make_experiment("name=tuned", f"start={start}"), "gan")
        run._begin()
        weights = checkpoint.load(origin.best)["generator"]
        assert equal(dict(run.learners.generator.network.state_dict()), weights)
        assert equal(dict(run.learners.evaluated_network.state_dict()), weights)
        assert run.step == 0
    # Averaged weights of a whole state are what was evaluated at that step.
    run = Run(make_experiment("name=step", f"start={{run: {origin.folder}, step: 6}}"), "gan")
    run._begin()
    assert equal(dict(run.learners.generator.network.state_dict()), weights)


def test_weights_of_other_shapes_are_refused_or_left_out_and_listed(
    make_experiment: MakeExperiment,
) -> None:
    train(make_experiment("name=whole").plain, "plain")
    best = RunFolder.of(make_experiment("name=whole"), "plain").best
    wider = ("name=wider", "generator.lstm_layers=2")
    with pytest.raises(CheckpointError, match=r"lstm_layers: expected 2, as configured, found 1;"):
        Run(make_experiment(*wider, f"start={{file: {best}}}"), "gan")._begin()
    state = checkpoint.load(best)
    del state["config"]  # the weights alone
    checkpoint.save(best, state)
    with pytest.raises(CheckpointError, match=r"best\.pt: expected the weights of .* absent"):
        Run(make_experiment(*wider, f"start={{file: {best}}}"), "gan")._begin()
    config = make_experiment(*wider, f"start={{file: {best}, match: shapes}}")
    run = Run(config, "gan")
    drawn = run.learners.generator.network.state_dict()
    drawn = {name: value.clone() for name, value in drawn.items()}
    run._begin()
    left = run.folder.environment["begins"]["left_as_drawn"]
    there, here = checkpoint.load(best)["generator"], run.learners.generator.network.state_dict()
    assert left
    for name, value in here.items():
        assert torch.equal(value, drawn[name] if name in left else there[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("audio.sources=[high, low]", "sources: expected high, low, as in audio, found low, high"),
        ("audio.channels=2", "channels: expected 2, as in audio, found 1"),
        ("audio.sample_rate=4000", "sample_rate: expected 4000, as in audio, found 8000"),
        ("generator.kernel=6", "generator.kernel: expected 6, as configured, found 8"),
        ("generator={name: hdemucs, channels: 8, depth: 3, n_fft: 64}",
         "generator.name: expected hdemucs, as configured, found demucs"),
    ],
)  # fmt: skip
def test_a_run_of_another_network_or_other_signals_is_no_start(
    make_experiment: MakeExperiment, change: str, message: str
) -> None:
    train(make_experiment("name=whole").plain, "plain")
    origin = RunFolder.of(make_experiment("name=whole"), "plain")
    for start in (f"{{run: {origin.folder}}}", f"{{file: {origin.best}}}"):
        run = Run(make_experiment("name=other", change, f"start={start}"), "gan")
        with pytest.raises(CheckpointError, match=rf"best\.pt: {message}"):
            run._begin()


def test_half_a_checkpoint_is_no_start(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    path = tmp_path / "half.pt"
    checkpoint.save(path, {"generator": {"weight": torch.zeros(1000)}})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"half\.pt: .*1000 bytes\)\. Name another file"):
        Run(make_experiment(f"start={{file: {path}}}"), "gan")._begin()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("{}", "expected either run or file"),
        ("{run: a, file: b}", "expected either run or file"),
        ("{file: b, take: everything}", "take: everything: expected the run and the step"),
        ("{file: b, step: 3}", "step: expected run beside it"),
        ("{run: a, step: 0}", "step: expected at least 1"),
        ("{run: a, tak: weights}", "start.tak: unknown key; did you mean 'take'"),
    ],
)
def test_a_start_that_says_nothing_or_two_things_is_refused(
    make_experiment: MakeExperiment, start: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_experiment(f"start={start}")


def test_a_start_that_is_not_there_is_one_line(make_experiment: MakeExperiment) -> None:
    config = make_experiment("start={file: nowhere.pt}")
    with pytest.raises(CheckpointError, match=r"nowhere\.pt: no such checkpoint"):
        Run(config, "gan")._begin()
    assert not Path("nowhere.pt").exists()


def test_a_run_that_cannot_branch_off_says_why(
    make_experiment: MakeExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_experiment(*SETTINGS)
    trunk = RunFolder.of(config, "plain")
    train(config.plain, "plain")
    changed = replace(config, optimizer=adam.Config(lr=0.1))
    assert Run(changed, "gan", trunk)._origin() is None
    said = capsys.readouterr().out
    assert f"trained from step 0, not from step {BRANCHING} of {trunk.folder}" in said
    assert said.endswith("optimizer differ\n")
    trunk.kept(BRANCHING).unlink()
    assert Run(config, "gan", trunk)._origin() is None
    assert capsys.readouterr().out.endswith("its checkpoint of that step is gone\n")
    trunk.config_file.write_text("gone: 1\n")
    assert Run(config, "gan", trunk)._origin() is None
    assert capsys.readouterr().out.endswith("it is of another version\n")
