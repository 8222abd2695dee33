import copy

import pytest
import torch
from conftest import MakeExperiment
from training.test_loop import equal

from gan_sep.training.learners import Learners
from gan_sep.training.loop import Run


def test_a_state_that_was_taken_and_put_back_goes_on_to_the_same_bits(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    run, other = Run(config, "gan"), Learners(config, Run(config, "gan").accelerator)
    steps = list(run.stream.steps(0, 4))
    for step, passes in enumerate(steps[:3]):
        run.learners.step(passes, step)
    other.load_state_dict(copy.deepcopy(run.learners.state_dict()))
    for learners in (run.learners, other):
        learners.step(steps[3], 3)
    assert equal(other.state_dict(), run.learners.state_dict())


def test_the_state_of_a_plain_counterpart_leaves_the_discriminators_as_their_seed_drew_them(
    make_experiment: MakeExperiment,
) -> None:
    config = make_experiment()
    plain, gan = Run(config, "plain").learners, Run(config, "gan").learners
    assert gan.adversary is not None
    drawn = copy.deepcopy(gan.adversary.discriminator.network.state_dict())
    for parameter in plain.generator.network.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    gan.load_state_dict(plain.state_dict())
    assert equal(gan.adversary.discriminator.network.state_dict(), drawn)
    assert equal(gan.generator.network.state_dict(), plain.generator.network.state_dict())


def test_the_average_is_what_is_evaluated_and_follows_the_steps(
    make_experiment: MakeExperiment,
) -> None:
    run = Run(make_experiment("training.ema_decay=0.9"), "plain")
    before = copy.deepcopy(run.learners.evaluated_network.state_dict())
    for step, passes in enumerate(run.stream.steps(0, 4)):
        run.learners.step(passes, step)
    after = run.learners.evaluated_network.state_dict()
    raw = run.learners.generator.network.state_dict()
    assert not equal(after, before)
    assert not equal(after, raw)
    without = Run(make_experiment("training.ema_decay=null"), "plain").learners
    assert without.evaluated_network is without.generator.network


def test_each_player_steps_at_the_rate_of_its_own_schedule(make_experiment: MakeExperiment) -> None:
    config = make_experiment(
        "optimizer={lr: 0.001, schedule: {name: cosine}}",
        "adversarial.optimizer={lr: 0.01, schedule: {name: plateau, patience: 0, drop: 0.5}}",
    )
    run = Run(config, "gan")
    run.learners.scores = [1.0, 0.5]  # one drop
    (passes,) = run.stream.steps(3, 4)
    log = run.learners.step(passes, 3)  # of 6: half of the way
    assert log["learning_rate/generator"].item() == pytest.approx(0.0005)
    assert log["learning_rate/discriminator"].item() == pytest.approx(0.005)
    players = run.learners._players()
    rates = [player.optimizer.param_groups[0]["lr"] for player in players]
    assert rates == pytest.approx([0.0005, 0.005])
