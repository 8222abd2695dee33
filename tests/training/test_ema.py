"""The second average, fed at validations, and the choice between both."""

import copy

import pytest
import torch
from conftest import MakeExperiment
from demucs.ema import ModelEMA
from torch import nn

from gan_sep.config.loader import ConfigError
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint
from gan_sep.training.ema import averaged_by_epoch
from gan_sep.training.loop import Run


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.95])
def test_the_average_by_epoch_is_the_package_s(decay: float) -> None:
    network = nn.Linear(3, 4)
    ours, theirs = averaged_by_epoch(network, decay), ModelEMA(network, decay)
    for _ in range(6):
        nn.init.normal_(network.weight)
        ours.update_parameters(network)
        theirs.update()
        torch.testing.assert_close(ours.module.weight, theirs.state["weight"])


@pytest.mark.slow
@pytest.mark.parametrize("decay", [0.0, 0.95])
def test_the_better_of_both_averages_is_kept(decay: float, make_experiment: MakeExperiment) -> None:
    settings = (
        "training.select=usdr", "training.validate_every=2", "training.checkpoint_every=2",
        "training.ema_decay=0.99", "optimizer.lr=0.003",
    )  # fmt: skip
    config = make_experiment(*settings, f"training.epoch_ema_decay={decay}").plain
    run = Run(config, "plain")
    run.train()
    folder = RunFolder.of(config, "plain")
    records = folder.records("valid")
    assert {record["average"] for record in records} <= {"step", "epoch"}
    best = max(records, key=lambda record: record["usdr"]["All"])
    saved = checkpoint.load(folder.best)
    assert saved["step"] == best["step"]
    state = checkpoint.load(checkpoint.path_of(folder.checkpoints, run.step))
    assert state["best"]["average"] == ("step", "epoch").index(best["average"])
    network = run.learners.candidates[state["best"]["average"]]
    scores = [run.selection.scores(each)["usdr"]["All"] for each in run.learners.candidates]
    assert max(scores) == pytest.approx(records[-1]["usdr"]["All"])
    if best["step"] == run.step:
        assert all(torch.equal(saved["generator"][k], v) for k, v in network.state_dict().items())
    again = Run(config, "plain")
    again.learners.load_state_dict(copy.deepcopy(state))
    for one, other in zip(again.learners.candidates, run.learners.candidates, strict=True):
        assert all(
            torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True)
        )


def test_it_needs_a_metric_to_choose_by(make_experiment: MakeExperiment) -> None:
    with pytest.raises(ConfigError, match=r"select: expected sdr or usdr, by which the better"):
        make_experiment("training.epoch_ema_decay=0.9", "training.select=last")
