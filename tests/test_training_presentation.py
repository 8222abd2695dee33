"""What the judges get to hear in training, from material that was chosen for them."""

import pytest
import torch
from torch import Tensor

from gan_sep.discriminators.instance_noise import InstanceNoise
from gan_sep.experiment import Adversarial
from gan_sep.training.material import Material, Place
from gan_sep.training.presentation import Presentation


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
