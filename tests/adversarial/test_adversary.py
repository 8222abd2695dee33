"""The adversary: each setting against gradients written out from its definition."""

import pytest
import torch
from torch import Tensor
from training.test_step import adversary_of, batch, same, training_step, weights

from gan_sep.adversarial.adversary import Adversary, Scoring
from gan_sep.adversarial.feature_matching import feature_matching
from gan_sep.adversarial.material import Batch, Place
from gan_sep.adversarial.objectives import Labels, discriminator_loss, separation_loss
from gan_sep.adversarial.regularizers import GradientPenalty, LeCam, lecam_penalty
from gan_sep.config.run import Adversarial


def adversary(**settings: object) -> Adversary:
    """With the adversarial gradient as it is, and no segment left out."""
    fixed = {"gamma": 1.0, "balance": None, "silence_db": None}
    return adversary_of(training_step(Adversarial(**(fixed | settings))))  # type: ignore[arg-type]


def scored(discriminators: Adversary, pass_: Batch, step: int = 0) -> tuple[Tensor, Scoring]:
    """Estimates, half of what they should be and a little more, and what is said of them."""
    assert pass_.unpaired is not None
    estimates = 0.5 * torch.cat([pass_.sources, pass_.unpaired[1]]) + 0.01
    estimates = estimates.requires_grad_()
    return estimates, discriminators.score(pass_, estimates, Place(step), {})


def test_feature_matching_of_paired_material_joins_the_adversarial_loss() -> None:
    discriminators, log = adversary(feature_matching=2.0), dict[str, Tensor]()
    estimates, scoring = scored(discriminators, batch())
    found = discriminators.gradient(scoring, estimates, torch.ones_like(estimates), log)
    matching = feature_matching(scoring.real[0], scoring.fake[0])
    loss = separation_loss(scoring.fake, Labels()) + 2.0 * matching
    (expected,) = torch.autograd.grad(loss.mean(), estimates)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(log["loss/feature_matching"], matching.detach())
    torch.testing.assert_close(
        log["loss/adversarial"], separation_loss(scoring.fake, Labels()).detach()
    )


def test_discriminators_move_in_the_share_of_steps_asked_for_and_the_generator_in_all() -> None:
    step = training_step(Adversarial(update_probability=0.4))
    discriminators = adversary_of(step)
    drawn = [discriminators.updates(number) for number in range(1000)]
    assert sum(drawn) == pytest.approx(400, abs=50)
    seen = set()
    for number in range(6):
        before = weights(step.generator), weights(discriminators.discriminator)
        log = step([batch()], number)
        assert not same(before[0], weights(step.generator))
        assert same(before[1], weights(discriminators.discriminator)) is not drawn[number]
        assert ("gradient_norm/discriminator" in log) is drawn[number]
        seen.add(drawn[number])
    assert seen == {True, False}


def test_another_seed_updates_in_other_steps_and_certainty_in_all() -> None:
    settings = Adversarial(update_probability=0.5)
    first, other = adversary_of(training_step(settings)), adversary_of(training_step(settings))
    other.seed = 1
    assert [first.updates(n) for n in range(50)] != [other.updates(n) for n in range(50)]
    assert all(adversary().updates(number) for number in range(50))


def test_frozen_discriminators_stay_as_they_were_drawn_and_the_generator_heeds_them() -> None:
    found = {}
    for frozen in (True, False):
        step = training_step(Adversarial(frozen=frozen, feature_matching=1.0))
        discriminators = adversary_of(step)
        before = weights(step.generator), weights(discriminators.discriminator)
        log = step([batch()], 0)
        assert not same(before[0], weights(step.generator))
        assert same(before[1], weights(discriminators.discriminator)) is frozen
        assert ("gradient_norm/discriminator" in log) is not frozen
        found[frozen] = weights(step.generator)
    assert same(
        found[True], found[False]
    )  # of the first step, in which the discriminators are the same


def gradients(discriminators: Adversary) -> list[Tensor]:
    """What `backward` gathered for the discriminators' weights."""
    found = [
        p.grad for p in discriminators.discriminator.network.parameters() if p.grad is not None
    ]
    assert found
    return found


def test_lecam_joins_the_discriminators_loss_after_the_step_that_made_its_means() -> None:
    discriminators = adversary(lecam=LeCam(weight=5.0))
    for step in range(2):
        log = dict[str, Tensor]()
        discriminators.discriminator.optimizer.zero_grad()
        _, scoring = scored(discriminators, batch(seed=step))
        loss = discriminator_loss(scoring.real, scoring.fake, Labels())
        if step:
            usual = discriminators.usual_scores
            assert usual is not None
            penalty = 5.0 * lecam_penalty(scoring.real, scoring.fake, *usual.means)
            assert penalty.min() > 0
            loss = loss + penalty
        parameters = list(discriminators.discriminator.network.parameters())
        expected = torch.autograd.grad(loss.mean(), parameters, retain_graph=True)
        discriminators.backward(scoring, step, log)
        torch.testing.assert_close(gradients(discriminators), list(expected))
        discriminators.move(step, log["loss/discriminator"])
    torch.testing.assert_close(log["loss/lecam"], penalty.detach())


def test_gradient_penalties_join_the_discriminators_loss_in_every_third_step_threefold() -> None:
    """On all that is scored, against a discriminator asked anew; no weight but the discriminators'
    is touched.
    """
    discriminators = adversary(gradient_penalty=GradientPenalty(r1=4.0, r2=1.0, every=3))
    discriminator, pass_ = discriminators.discriminator.network, batch()
    assert pass_.unpaired is not None
    parameters = list(discriminator.parameters())
    for step in range(4):
        log = dict[str, Tensor]()
        discriminators.discriminator.optimizer.zero_grad()
        estimates, scoring = scored(discriminators, pass_, step)
        loss = discriminator_loss(scoring.real, scoring.fake, Labels()).mean()
        if step % 3 == 0:
            for weight, signals in ((4.0, (pass_.sources, pass_.unpaired[1])), (1.0, estimates)):
                parts = signals if isinstance(signals, tuple) else signals.split([4, 2])
                for part in parts:
                    given = part.detach().requires_grad_()
                    scores = discriminator(given, given.sum(1)).scores()
                    (slope,) = torch.autograd.grad(scores.sum(), given, create_graph=True)
                    squares = slope.square().sum((2, 3)).mean(0)  # (S,)
                    loss = loss + 3 * weight / 2 * squares.mean() / 2
        expected = torch.autograd.grad(loss, parameters, retain_graph=True)
        discriminators.backward(scoring, step, log)
        assert estimates.grad is None
        torch.testing.assert_close(gradients(discriminators), list(expected), rtol=1e-3, atol=1e-7)
        assert ("loss/r1" in log, "loss/r2" in log) == (step % 3 == 0, step % 3 == 0)


def test_the_generator_get_of_exactly_the_crop_that_was_scored() -> None:
    discriminators = adversary(crop_seconds=0.1)  # 800 of 2000 samples
    estimates, scoring = scored(discriminators, batch())
    gradient = discriminators.gradient(scoring, estimates, torch.ones_like(estimates), {})
    reached = (gradient != 0).any(2).any(1)  # (B + U, T)
    for item in reached:
        (places,) = item.nonzero(as_tuple=True)
        assert len(places) == 800
        assert places[-1] - places[0] == 799


def test_discriminators_of_crops_of_everything_are_discriminators_of_everything_bit_for_bit() -> (
    None
):
    steps = [training_step(Adversarial(crop_seconds=seconds)) for seconds in (None, 0.25)]
    for number in range(3):
        for step in steps:
            step([batch(seed=number)], number)
    whole, crops = steps
    assert same(weights(whole.generator), weights(crops.generator))
    discriminators = [adversary_of(step).discriminator for step in steps]
    assert same(weights(discriminators[0]), weights(discriminators[1]))


def test_silence_is_that_of_the_crop() -> None:
    """Sources that sound in their first half only: few crops of a tenth lie across its end."""
    discriminators = adversary(crop_seconds=0.025, silence_db=-60.0)
    pass_ = batch(items=40)
    pass_.sources[..., 1000:] = 0.0
    log = dict[str, Tensor]()
    discriminators.score(
        Batch(pass_.sources), pass_.sources.clone().requires_grad_(), Place(0), log
    )
    assert log["silent_share"].tolist() == pytest.approx([0.45, 0.45], abs=0.2)
    assert discriminators.crops is not None
    given, _ = discriminators.crops(Batch(pass_.sources), pass_.sources, Place(0))
    silent = (given.sources == 0).all(-1).all(-1).float().mean(0)  # (S,)
    assert log["silent_share"].tolist() == pytest.approx(silent.tolist())
