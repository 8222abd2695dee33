"""The adversary: each setting against gradients written out from its definition."""

import pytest
import torch
from torch import Tensor
from training.test_step import adversary_of, batch, same, training_step, weights

from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.feature_matching import feature_matching
from gan_sep.adversarial.objectives import least_squares
from gan_sep.adversarial.regularizers import lecam, r1, r2
from gan_sep.adversarial.scored import Scored
from gan_sep.config.run import Adversarial
from gan_sep.training.batch import Batch, Place

SQUARES = least_squares.Config()


def adversary(**settings: object) -> Adversary:
    """With the adversarial gradient as it is, and no segment left out."""
    fixed = {"gamma": 1.0, "balance": None, "silence_db": None}
    return adversary_of(training_step(Adversarial(**(fixed | settings))))  # type: ignore[arg-type]


def asked(discriminators: Adversary, batch: Batch, step: int = 0) -> tuple[Tensor, Scored, Scored]:
    """Estimates, half of what they should be and a little more, and what is said of all."""
    estimates = (0.5 * batch.sources + 0.01).requires_grad_()
    return estimates, *discriminators._scored(batch, estimates, Place(step))


def test_feature_matching_of_paired_material_joins_the_adversarial_loss() -> None:
    discriminators, log = adversary(feature_matching=2.0), dict[str, Tensor]()
    estimates, real, fake = asked(discriminators, batch())
    found = discriminators.losses(batch(), estimates, Place(0), log).generator
    matching = feature_matching(real, fake, 4)
    separation = 2 * SQUARES.generator(real, fake)  # of two kinds of material
    assert found is not None
    torch.testing.assert_close(found, separation + 2.0 * matching)
    torch.testing.assert_close(log["loss/feature_matching"], matching.detach())
    torch.testing.assert_close(log["loss/adversarial"], separation.detach())


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


def gradients(discriminators: Adversary, loss: Tensor | None) -> tuple[Tensor, ...]:
    """Of the discriminators' weights."""
    assert loss is not None
    return torch.autograd.grad(loss.mean(), discriminators.weights)


def test_lecam_joins_the_discriminators_loss_after_the_step_that_made_its_means() -> None:
    discriminators = adversary(regularizers=(lecam.Config(weight=5.0),))
    usual = discriminators.regularizers["lecam"]
    assert isinstance(usual, lecam.LeCam)
    for step in range(2):
        log = dict[str, Tensor]()
        estimates, real, fake = asked(discriminators, batch(seed=step), step)
        loss = SQUARES.discriminator(real, fake)
        if step:
            penalty = 5.0 * lecam.lecam_penalty(real, fake, *usual.means)
            assert penalty.min() > 0
            loss = loss + penalty
        expected = gradients(discriminators, loss)
        found = discriminators.losses(batch(seed=step), estimates, Place(step), log)
        assert found.discriminator is not None
        discriminators.accelerator.backward(
            found.discriminator.mean(),
            inputs=discriminators.weights,
        )
        torch.testing.assert_close([p.grad for p in discriminators.weights], list(expected))
        discriminators.move(step, log["loss/discriminator"])
    torch.testing.assert_close(log["loss/lecam"], penalty.detach())


def test_gradient_penalties_join_the_discriminators_loss_in_every_third_step_threefold() -> None:
    """On all that is scored, against a discriminator asked anew."""
    penalties = (r1.Config(weight=4.0, every=3), r2.Config(weight=1.0, every=3))
    discriminators = adversary(regularizers=penalties)
    network, whole = discriminators.discriminator.network, batch()
    for step in range(4):
        log = dict[str, Tensor]()
        estimates, real, fake = asked(discriminators, whole, step)
        loss = SQUARES.discriminator(real, fake).mean()
        if step % 3 == 0:
            for weight, signals in ((4.0, whole.sources), (1.0, estimates)):
                for part in signals.split([4, 2]):
                    given = part.detach().requires_grad_()
                    scores = network(given, given.sum(1)).scores()
                    (slope,) = torch.autograd.grad(scores.sum(), given, create_graph=True)
                    squares = slope.square().sum((2, 3)).mean(0)  # (S,)
                    loss = loss + 3 * weight / 2 * squares.mean() / 2
        expected = gradients(discriminators, loss)
        found = discriminators.losses(whole, estimates, Place(step), log)
        torch.testing.assert_close(
            gradients(discriminators, found.discriminator), expected, rtol=1e-3, atol=1e-7
        )
        assert ("loss/r1" in log, "loss/r2" in log) == (step % 3 == 0, step % 3 == 0)


def test_the_generator_learns_from_exactly_the_crop_that_was_scored() -> None:
    discriminators = adversary(crop_seconds=0.1)  # 800 of 2000 samples
    estimates, _, fake = asked(discriminators, batch())
    (gradient,) = torch.autograd.grad(SQUARES.generator(fake, fake).mean(), estimates)
    reached = (gradient != 0).any(2).any(1)  # (N, T)
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
    sources = batch(items=40).paired().sources.clone()
    sources[..., 1000:] = 0.0
    _, real, _ = asked(discriminators, Batch.of(sources))
    silent = (real.signals == 0).all(-1).all(-1)  # (N, S)
    assert silent.float().mean(0).tolist() == pytest.approx([0.45, 0.45], abs=0.2)
    assert torch.equal(real.active, ~silent)
