"""What the discriminators get to get in training, from material that was chosen for them."""

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.augmentation import KINDS, InputAugmentation, Kind
from gan_sep.adversarial.inputs import Presentation
from gan_sep.adversarial.instance_noise import InstanceNoise
from gan_sep.adversarial.material import Material, Place
from gan_sep.config.run import Adversarial


def material(items: int = 3, seed: int = 0) -> Material:
    """Two sources of noise, one of them soft, in a mixture."""
    noise = torch.Generator().manual_seed(seed)
    level = torch.tensor([0.5, 0.01]).reshape(2, 1, 1)
    signals = level * torch.randn(items, 2, 1, 400, generator=noise)
    return Material(signals, signals.sum(1), torch.ones(items, 2, dtype=torch.bool))


def presented(
    settings: Adversarial, *kinds: tuple[Material, Material], step: int = 7, before: int = 0
) -> tuple[list[Material], list[Material]]:
    """Pairs of real and estimated material, paired first, after the presentation of seed 5."""
    real, fake = zip(*kinds, strict=True)
    return Presentation(settings, 5)(real, fake, Place(step, before))


def rms(signals: Tensor) -> Tensor:
    return signals.square().mean((-2, -1)).sqrt()


def test_without_any_setting_material_stays_as_it_is() -> None:
    kinds = (material(), material(seed=1)), (material(1, seed=2), material(1, seed=3))
    for found, given in zip(
        presented(Adversarial(), *kinds), zip(*kinds, strict=True), strict=True
    ):
        assert found == list(given)


def test_at_one_level_neither_a_source_nor_its_mixture_can_be_told_by_loudness() -> None:
    (real,), (fake,) = presented(
        Adversarial(level_normalisation=True), (material(), material(seed=1))
    )
    for one in (real, fake):
        torch.testing.assert_close(rms(one.signals), torch.ones(3, 2))
        torch.testing.assert_close(rms(one.mixture), torch.ones(3))
    assert torch.equal(real.active, material().active)


def test_noise_of_the_steps_level_is_added_to_sources_and_estimates_alike() -> None:
    settings = Adversarial(instance_noise=InstanceNoise(until_step=14, start_db=-40.0))
    pairs = (material(), material(seed=1)), (material(2, seed=2), material(2, seed=3))
    real, fake = presented(settings, *pairs)  # in step 7, halfway
    added = [
        (one.signals - given[0].signals, other.signals - given[1].signals)
        for one, other, given in zip(real, fake, pairs, strict=True)
    ]
    for to_real, to_fake in added:
        torch.testing.assert_close(to_real, to_fake, rtol=1e-4, atol=1e-6)
        assert to_real.std().item() == pytest.approx(0.005, rel=0.05)
    assert not torch.allclose(added[0][0][:2], added[1][0])  # paired and unpaired: each its own
    assert real[0].mixture is pairs[0][0].mixture


def test_two_passes_get_the_noise_of_one_large_one() -> None:
    settings = Adversarial(instance_noise=InstanceNoise(until_step=14))
    whole = presented(settings, (material(4), material(4)))[0][0].signals
    for number in (0, 1):
        part = Material(*(value[2 * number : 2 * number + 2] for value in material(4)))
        found = presented(settings, (part, part), before=number)[0][0].signals
        assert torch.equal(found, whole[2 * number : 2 * number + 2])


def test_when_the_noise_has_faded_signals_are_as_they_were() -> None:
    settings = Adversarial(instance_noise=InstanceNoise(until_step=7))
    given = material()
    assert presented(settings, (given, given))[0][0].signals is given.signals


def always(*kinds: Kind) -> Adversarial:
    """Every change of these kinds, to everything."""
    return Adversarial(augmentation=InputAugmentation(kinds, probability=1.0, target=None))


def augmenting(settings: Adversarial, conditioned: bool) -> Presentation:
    assert settings.augmentation is not None
    probability = AdaptiveProbability(settings.augmentation, 2, Accelerator(cpu=True))
    return Presentation(settings, 5, conditioned, probability)


def test_sources_estimates_and_each_discriminators_mixture_are_changed_alike() -> None:
    given = material()
    twice = Material(2 * given.signals, given.mixture, given.active)
    (real,), (fake,) = augmenting(always(*KINDS), True)([given], [twice], Place(7))
    assert not torch.allclose(real.signals, given.signals)
    torch.testing.assert_close(fake.signals, 2 * real.signals)
    # The changes are linear: were the mixture a discriminator's source, it would become what it is
    # here.
    for k in range(2):
        alone = given._replace(signals=given.mixture[:, None].expand(-1, 2, -1, -1))
        (as_source,), _ = augmenting(always(*KINDS), True)([alone], [alone], Place(7))
        torch.testing.assert_close(real.mixture[:, k], as_source.signals[:, k])


def test_discriminators_that_get_no_mixture_are_spared_its_augmentation() -> None:
    given = material()
    (real,), _ = augmenting(always("gain"), False)([given], [given], Place(7))
    assert real.mixture is given.mixture
    assert not torch.allclose(real.signals, given.signals)


def test_each_discriminators_probability_decides_about_its_source() -> None:
    presentation, given = augmenting(always("polarity"), False), material()
    assert presentation.probability is not None
    presentation.probability.values = torch.tensor([0.0, 1.0])
    (real,), _ = presentation([given], [given], Place(7))
    assert torch.equal(real.signals[:, 0], given.signals[:, 0])
    assert torch.equal(real.signals[:, 1], -given.signals[:, 1])


def test_gradients_flow_through_the_presentation_to_the_estimates() -> None:
    settings = replace(
        always(*KINDS), level_normalisation=True, instance_noise=InstanceNoise(until_step=14)
    )
    given = material()
    estimates = given.signals.clone().requires_grad_()
    estimated = given._replace(signals=estimates)
    _, (fake,) = augmenting(settings, True)([given], [estimated], Place(7))
    (gradient,) = torch.autograd.grad((fake.signals * torch.randn(3, 2, 1, 400)).sum(), estimates)
    assert (gradient.abs().amax((2, 3)) > 0).all()
