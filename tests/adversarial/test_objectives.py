"""Hinge and relativistic objectives against values by hand and against the published formulas."""

import pytest
import torch
from torch import Tensor

from gan_sep.adversarial.objectives import (
    Labels,
    Objective,
    Scored,
    discriminator_loss,
    separation_loss,
)
from gan_sep.discriminators.base import DiscriminatorOutput

LABELS = Labels()


def scored(logits: Tensor, active: Tensor | None = None) -> Scored:
    if active is None:
        active = torch.ones(logits.shape[:2], dtype=torch.bool)
    return Scored(DiscriminatorOutput(logits, []), active)


def score(*values: float) -> Scored:
    """One segment with one logit for each source."""
    return scored(torch.tensor(values).reshape(1, -1, 1))


def test_hinge_asks_real_signals_to_lie_above_and_estimates_below_their_labels() -> None:
    loss = discriminator_loss([score(0.6, 1.5)], [score(0.4, -3.0)], LABELS, "hinge")
    assert loss.tolist() == pytest.approx([(0.3 + 0.3) / 2, 0.0])
    paired, unpaired = [score(0.8), score(0.6)], [score(0.1), score(0.7)]
    loss = discriminator_loss(paired, unpaired, LABELS, "hinge")
    assert loss.item() == pytest.approx((0.1 + 0.3) / 4 + (0.0 + 0.6) / 4)


def test_hinge_pulls_the_generator_with_the_same_force_everywhere() -> None:
    logits = torch.tensor([[[-5.0], [0.9], [2.0]]], requires_grad=True)
    loss = separation_loss([scored(logits)], LABELS, "hinge")
    assert loss.tolist() == pytest.approx([5.9, 0.0, -1.1])
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == [-1, -1, -1]


def test_hinge_is_the_published_one_after_a_change_of_scale() -> None:
    """With C = (D - 0.5) / 0.4 the labels are 1 and -1."""
    real, fake = torch.randn(5, 2, 3), torch.randn(5, 2, 3)
    loss = discriminator_loss([scored(real)], [scored(fake)], LABELS, "hinge")
    terms = (1 - (real - 0.5) / 0.4).relu() + (1 + (fake - 0.5) / 0.4).relu()
    torch.testing.assert_close(loss, 0.4 * terms.mean((0, 2)) / 2)


def published(real: Tensor, fake: Tensor, margin: float) -> Tensor:
    """RaLSGAN of one source: (E (C(r) - E C(f) - m)^2 + E (C(f) - E C(r) + m)^2) / 2."""
    above = (real - fake.mean() - margin).square().mean()
    below = (fake - real.mean() + margin).square().mean()
    return (above + below) / 2


def test_relativistic_losses_and_their_gradients_are_the_published_ones() -> None:
    real, fake = (torch.randn(4, 1, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for margin, loss in (
        (0.8, discriminator_loss([scored(real)], [scored(fake)], LABELS, "relativistic")),
        (-0.8, separation_loss([scored(fake)], LABELS, "relativistic", [scored(real)])),
    ):
        expected = published(real, fake, margin)
        torch.testing.assert_close(loss[0], expected.float())
        found = torch.autograd.grad(loss.sum(), (real, fake), retain_graph=True)
        wanted = torch.autograd.grad(expected, (real, fake))
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_relativistic_discriminators_know_differences_only() -> None:
    real, fake = torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    loss = discriminator_loss([scored(real)], [scored(fake)], LABELS, "relativistic")
    moved = discriminator_loss([scored(real + 7)], [scored(fake + 7)], LABELS, "relativistic")
    torch.testing.assert_close(loss, moved, rtol=1e-4, atol=1e-5)


def test_paired_and_unpaired_means_weigh_the_same_in_a_relativistic_comparison() -> None:
    real = [score(0.6), scored(torch.tensor([1.0, 1.2]).reshape(2, 1, 1))]  # means 0.6 and 1.1
    fake = [score(0.2), score(0.4)]
    above = [(0.6 - 0.3 - 0.8) ** 2, ((1.0 - 0.3 - 0.8) ** 2 + (1.2 - 0.3 - 0.8) ** 2) / 2]
    below = [(0.2 - 0.85 + 0.8) ** 2, (0.4 - 0.85 + 0.8) ** 2]
    loss = discriminator_loss(real, fake, LABELS, "relativistic")
    assert loss.item() == pytest.approx(sum(above) / 4 + sum(below) / 4)


def test_silent_segments_are_no_part_of_the_means_of_relativistic_discriminators() -> None:
    real = scored(torch.tensor([0.5, 100.0]).reshape(2, 1, 1), torch.tensor([[True], [False]]))
    loss = discriminator_loss([real], [score(0.3)], LABELS, "relativistic")
    assert loss.item() == pytest.approx((0.6**2 + 0.6**2) / 2)


@pytest.mark.parametrize("objective", ["hinge", "relativistic"])
def test_a_source_without_active_segments_adds_exactly_nothing(objective: Objective) -> None:
    logits = torch.tensor([[[0.4], [float("inf")]]], requires_grad=True)
    silent = scored(logits, torch.tensor([[True, False]]))
    sounding = scored(torch.tensor([[[0.7], [0.9]]]))
    for loss in (
        discriminator_loss([silent], [silent], LABELS, objective),
        separation_loss([silent], LABELS, objective, [sounding]),
    ):
        assert loss[1] == 0
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert gradient[0, 1] == 0


def test_a_source_that_sounds_on_one_side_only_is_compared_with_nothing() -> None:
    logits = torch.tensor([[[0.4], [0.3]]], requires_grad=True)
    silent = scored(torch.tensor([[[0.7], [float("inf")]]]), torch.tensor([[True, False]]))
    for real, fake in ((scored(logits), silent), (silent, scored(logits))):
        loss = discriminator_loss([real], [fake], LABELS, "relativistic")
        assert loss[1] == 0
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert gradient[0, 1] == 0
        assert gradient[0, 0] != 0


def test_a_relativistic_separation_loss_without_real_signals_is_refused() -> None:
    with pytest.raises(ValueError, match="relativistic: expected outputs of real signals"):
        separation_loss([score(0.5)], LABELS, "relativistic")
