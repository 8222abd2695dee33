import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import MakeExperiment, of_arm

from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.evaluation import evaluate as evaluation
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint
from gan_sep.training.lifecycle import Member, check_folder, pair, run_members, trained_steps
from gan_sep.training.loop import InterruptedRunError, Run

CHECKOUT = Path(__file__).parents[2]


def train(config: RunConfig, arm: str = "gan") -> dict[str, Any]:
    """Train to the end; the state of the last checkpoint."""
    run = Run(of_arm(config, arm), arm)
    run.train()
    return checkpoint.load(checkpoint.path_of(run.folder.checkpoints, config.training.steps))


def interrupted(config: RunConfig, arm: str, after: int) -> None:
    """Train until step `after`, as SIGTERM would end it."""
    run = Run(of_arm(config, arm), arm)
    step = run.learners.training_step.__call__

    def stop_after(passes: Any, number: int) -> Any:
        if number + 1 == after:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(passes, number)

    run.learners.training_step = stop_after  # type: ignore[assignment]
    with pytest.raises(InterruptedRunError, match=f"stopped at step {after} of 6; .*--resume"):
        run.train()


def equal(first: Any, second: Any) -> bool:
    """Bit equality of two states."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[k], second[k]) for k in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


BY_LBFGS = "discriminator=null & optimizer={name: lbfgs, iterations: 3}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "after", "change"),
    [
        ("gan", 1, "seed=0"),
        ("gan", 2, "seed=0"),
        ("gan", 3, "losses=[{name: spectrogram, stft: {n_fft: 1024, hop: 512}}]"),
        ("gan", 5, "seed=0"),
        ("plain", 2, BY_LBFGS),
        ("gan", 3, "optimizer={schedule: {name: cosine, warmup_steps: 2}}"),
        ("plain", 5, "optimizer={schedule: {name: plateau, patience: 0}}"),
        ("plain", 3, "augment.repitch.probability=0.5"),
    ],
)
def test_a_run_stopped_by_a_signal_resumes_to_the_same_bits(
    make_experiment: MakeExperiment, arm: str, after: int, change: str
) -> None:
    whole, parts = (
        make_experiment(f"name={name}", *change.split(" & ")) for name in ("whole", "parts")
    )
    expected = train(whole, arm)
    interrupted(parts, arm, after)
    found = train(parts, arm)
    for state in (expected, found):
        del state["config"], state["files"]["timing"]
    assert equal(found, expected)
    records = [RunFolder.of(c, arm).records_file for c in (whole, parts)]
    assert records[0].read_bytes() == records[1].read_bytes()
    best = [
        checkpoint.load(RunFolder.of(c, arm).folder / "checkpoints/best.pt") for c in (whole, parts)
    ]
    assert equal(best[0]["generator"], best[1]["generator"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "calls", "change"),
    [
        ("gan", (1,), "seed=0"),
        ("gan", (3, 1), "seed=0"),  # in the last validation, and before it is made again
        ("plain", (2, 3), "training.epoch_ema_decay=0.9"),
    ],
)
def test_a_validation_left_at_a_signal_is_made_again_to_the_same_bits(
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
    arm: str,
    calls: tuple[int, ...],
    change: str,
) -> None:
    """calls: in each run, at which separation of a validation song SIGTERM comes."""
    whole, parts = (make_experiment(f"name={name}", change) for name in ("whole", "parts"))
    expected = train(whole, arm)
    score = evaluation._validation_scores
    for last in calls:
        scored: list[None] = []

        def stop_at(*arguments: Any, last: int = last, scored: list[None] = scored) -> Any:
            scored.append(None)
            if len(scored) == last:
                torch.rand(1)  # as a network may draw whose validation is left
                os.kill(os.getpid(), signal.SIGTERM)
            return score(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(evaluation, "_validation_scores", stop_at)
            run = Run(of_arm(parts, arm), arm)
            with pytest.raises(InterruptedRunError, match=r"stopped at step \d of 6; .*--resume"):
                run.train()
        assert len(scored) == last
        newest = checkpoint.latest(run.folder.checkpoints)
        assert newest
        assert checkpoint.is_due(newest)
        assert trained_steps(run.folder) == run.step - 1
    found = train(parts, arm)
    for state in (expected, found):
        del state["config"], state["files"]["timing"]
    assert equal(found, expected)
    folders = [RunFolder.of(c, arm) for c in (whole, parts)]
    records = [folder.records_file.read_bytes() for folder in folders]
    assert records[0] == records[1]
    names = [sorted(path.name for path in folder.checkpoints.iterdir()) for folder in folders]
    assert names[0][0] == names[1][0] == "best.pt"
    assert names[0][-1] == names[1][-1] == "step-00000006.pt"
    assert not any("due" in name for name in names[1])
    best = [checkpoint.load(folder.best) for folder in folders]
    assert equal(best[0]["generator"], best[1]["generator"])


def test_a_checkpoint_holds_everything_a_run_needs(make_experiment: MakeExperiment) -> None:
    state = train(make_experiment())
    assert set(state["players"]) == {"generator", "discriminator"}
    for player in state["players"].values():
        assert set(player) == {"network", "optimizer"}
    for key in ("average", "adversary", "meter", "best", "files", "random", "step", "config"):
        assert state[key] is not None


def test_a_pair_shares_data_initial_weights_and_every_step_before_the_discriminators_act(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    runs = [Run(of_arm(config, arm), arm) for arm in ("plain", "gan")]
    weights = [run.learners.generator.network.state_dict() for run in runs]
    assert equal(weights[0], weights[1])
    streams = [list(run.stream.steps(0, 4)) for run in runs]
    for plain, gan in zip(*streams, strict=True):
        assert torch.equal(plain[0].sources, gan[0].paired().sources)
    for arm in ("plain", "gan"):
        train(config, arm)
    first = [
        RunFolder.of(config, arm).records("train")[0]["loss"]["reconstruction"]
        for arm in ("plain", "gan")
    ]
    assert first[0] == first[1]  # steps 0 and 1: warm-up


def test_unpaired_material_comes_only_when_the_discriminators_learn(
    make_experiment: MakeExperiment,
) -> None:
    run = Run(make_experiment(), "gan")
    with_unpaired = ["unpaired" in batches[0].kinds() for batches in run.stream.steps(0, 4)]
    assert with_unpaired == [False, True, True, True]
    batch = next(run.stream.steps(2, 3))[0]
    assert batch.kinds() == {"paired": 4, "unpaired": 2}
    assert batch.sources.shape == (6, 2, 1, 4000)
    assert batch.mixture.shape == (6, 1, 4000)
    torch.testing.assert_close(batch.mixture[:4], batch.sources[:4].sum(1))
    assert not torch.allclose(batch.mixture[4:], batch.sources[4:].sum(1), atol=0.01)


def test_tracks_set_aside_are_used_by_nobody_where_no_unpaired_segments_are_asked_for(
    make_experiment: MakeExperiment,
) -> None:
    run = Run(make_experiment("unpaired.batch_size=0"), "gan")
    assert len(run.material.pools.paired) == 4
    assert all(batches[0].kinds() == {"paired": 4} for batches in run.stream.steps(0, 4))


def test_the_plain_run_sets_the_same_tracks_aside(make_experiment: MakeExperiment) -> None:
    runs = [Run(of_arm(make_experiment(), arm), arm) for arm in ("plain", "gan")]
    names = [[track.name for track in run.material.pools.paired] for run in runs]
    assert names[0] == names[1]
    assert len(names[0]) == 4


@pytest.mark.slow
def test_the_best_weights_are_chosen_by_validation(make_experiment: MakeExperiment) -> None:
    config = make_experiment("training.validate_every=1")
    train(config)
    records = RunFolder.of(config, "gan").records("valid")
    best = max(records, key=lambda record: record["usdr"]["All"])
    saved = checkpoint.load(RunFolder.of(config, "gan").best)
    assert (saved["step"], saved["score"]) == (best["step"], best["usdr"]["All"])


def test_the_run_says_what_it_was_made_from(make_experiment: MakeExperiment) -> None:
    config = make_experiment("seed=5")
    train(config, "plain")
    environment = json.loads(
        (RunFolder.of(config, "plain").folder / "environment.json").read_text()
    )
    assert environment["seed"] == 5
    assert {"command", "commit", "versions", "machine"} <= environment.keys()
    network = config.generator.build(config.audio)
    assert environment["parameters"] == sum(value.numel() for value in network.parameters())
    check_folder(
        Member(config.plain, "plain"), resume=False
    )  # the resolved configuration is this one


def test_a_folder_of_another_experiment_or_an_unfinished_one_is_refused(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    interrupted(config, "gan", 2)
    with pytest.raises(ValueError, match=r"holds an unfinished run .* of 6 steps.*--resume"):
        check_folder(Member(config, "gan"), resume=False)
    check_folder(Member(config, "gan"), resume=True)
    other = make_experiment("optimizer.lr=0.1")
    with pytest.raises(ValueError, match=r"optimizer\.lr is 0\.0003 there and 0\.1 here"):
        check_folder(Member(other, "gan"), resume=True)


def test_a_run_of_an_earlier_version_counts_and_one_that_cannot_be_read_is_refused(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    path = RunFolder.of(config, "gan").config_file
    path.parent.mkdir(parents=True)
    tree = to_dict(config)
    assert tree["losses"][0]["name"] == "l1_time"
    # Keys that were not there yet.
    del tree["start"], tree["losses"], tree["adversarial"]["balance_decay"]
    path.write_text(yaml.safe_dump(tree))
    check_folder(Member(config, "gan"), resume=True)
    path.write_text(yaml.safe_dump(tree | {"gone": 1}))
    with pytest.raises(ValueError, match=r"config\.yaml: expected the .* gone: unknown key"):
        check_folder(Member(config, "gan"), resume=True)


@pytest.mark.slow
def test_both_arms_are_trained_evaluated_and_not_done_twice(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    members = pair(config)
    run_members(members, resume=False)
    folders = [member.folder for member in members]
    rows = [folder.rows_file() for folder in folders]
    assert all(path.is_file() for path in rows)
    records = [folder.records_file.stat().st_mtime_ns for folder in folders]
    contents = [path.read_bytes() for path in rows]
    run_members(members, resume=False)
    assert [path.read_bytes() for path in rows] == contents
    assert len(records) == 2


def test_unpaired_mixtures_from_training_tracks_are_of_others_than_the_step_pairs(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment("unpaired.set_aside=0", "training.batch_size=2")
    stream = Run(config, "gan").stream
    assert stream.unpaired is not None
    for item in range(20):
        step = item // 2
        pairs = {stream.paired.track(2 * step + i).name for i in range(2)}
        assert stream.unpaired.mixture(item).name not in pairs
    with pytest.raises(ValueError, match="unpaired: expected a mixture whose stems the step does"):
        Run(make_experiment("unpaired.set_aside=0", "training.batch_size=8"), "gan")


def test_a_batch_that_processes_cannot_share_is_refused(make_experiment: MakeExperiment) -> None:
    config = make_experiment("unpaired.batch_size=1", "training.accumulation=2")
    with pytest.raises(ValueError, match=r"unpaired\.batch_size: expected a multiple of 2"):
        Run(config, "gan")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arm", "change", "after"),
    [
        ("plain", "seed=0", 6),
        ("plain", BY_LBFGS, 3),  # line searches multiply what rounding differs by, step by step
        ("gan", "adversarial.crop_seconds=0.2", 6),  # without a crop: the next test
    ],
)
def test_two_processes_give_the_weights_of_one(
    make_experiment: MakeExperiment, experiment_file: Path, arm: str, change: str, after: int
) -> None:
    config = make_experiment("name=one", *change.split(" & "))
    train(config, arm)
    expected = checkpoint.load(checkpoint.path_of(RunFolder.of(config, arm).checkpoints, after))
    by_processes(2, experiment_file, "name=two", "--arms", arm, *change.split(" & "))
    folder = RunFolder.of(make_experiment("name=two"), arm).folder
    machine = json.loads((folder / "environment.json").read_text())["machine"]
    assert machine["processes"] == 2
    require_close(checkpoint.load(checkpoint.path_of(folder / "checkpoints", after)), expected)


@pytest.mark.slow
def test_two_processes_then_one_then_two_give_the_run_of_one(
    make_experiment: MakeExperiment, experiment_file: Path
) -> None:
    """The balancer's running means and the regularizer's included."""
    change = (
        "adversarial={regularizers: [{name: lecam}], balance: 0.5, warmup_steps: 1, "
        "head_start_steps: 0}"
    )
    config = make_experiment("name=one", change)
    train(config, "gan")
    for processes, steps in ((2, 2), (1, 4), (2, 6)):
        changes = ("name=mixed", change, f"training.steps={steps}", "--resume", "--arms", "gan")
        by_processes(processes, experiment_file, *changes)
    one, mixed = (RunFolder.of(make_experiment(f"name={name}"), "gan") for name in ("one", "mixed"))
    expected, found = (
        checkpoint.load(checkpoint.path_of(run.checkpoints, 6)) for run in (one, mixed)
    )
    require_close(found, expected)
    for key in ("balancer", "adversary"):
        torch.testing.assert_close(found[key], expected[key], rtol=1e-3, atol=2e-5)
    assert [line["step"] for line in mixed.records("train")] == [
        line["step"] for line in one.records("train")
    ]


def by_processes(number: int, file: Path, *arguments: str) -> None:
    """Train a pair, or one of its arms, by so many processes."""
    launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(number)]
    program = str(CHECKOUT / "experiments" / "train_gan.py")
    command = [sys.executable, "-m", *launcher, program, "--config", str(file), *arguments]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def require_close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """The weights of two states."""
    for player in expected["players"]:
        for name, value in expected["players"][player]["network"].items():
            other = found["players"][player]["network"][name]
            torch.testing.assert_close(other, value, rtol=1e-3, atol=2e-5, msg=f"{player} {name}")
