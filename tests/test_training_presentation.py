"""What the judges get to hear in training, from material that was chosen for them."""

import torch
from torch import Tensor

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
