"""The objectives against values by hand and against the published formulas."""

import pytest
import torch
from adversarial.scores import joined, score, scored
from torch import Tensor

from gan_sep.adversarial.objectives import hinge, least_squares, relativistic
from gan_sep.adversarial.objectives.base import Objective

SQUARES, HINGE, RELATIVISTIC = least_squares.Config(), hinge.Config(), relativistic.Config()
ALL = pytest.mark.parametrize("objective", [SQUARES, HINGE, RELATIVISTIC], ids=type)


def test_the_discriminator_loss_has_four_terms_of_one_quarter() -> None:
    real = joined(score(0.9, 0.5), score(0.4, 0.9))
    fake = joined(score(0.1, 0.3), score(0.7, 0.1))
    # Source 0: 1/4 (0 + .5^2 + 0 + .6^2); source 1: 1/4 (.4^2 + 0 + .2^2 + 0).
    assert SQUARES.discriminator(real, fake).tolist() == pytest.approx([0.1525, 0.05])


def test_without_unpaired_material_the_paired_terms_weigh_one_half() -> None:
    loss = SQUARES.discriminator(score(0.5, 0.9), score(0.3, 0.1))
    assert loss.tolist() == pytest.approx([0.5 * 0.4**2 + 0.5 * 0.2**2, 0])


def test_the_generator_gets_the_mean_of_paired_and_unpaired_terms() -> None:
    loss = SQUARES.generator(
        score(0, 0), joined(score(0.4, 0.9), scored(torch.tensor([[[0.8], [0.7]]])))
    )
    assert loss.tolist() == pytest.approx([(0.5**2 + 0.1**2) / 2, 0.2**2 / 2])


def test_both_losses_are_zero_where_every_logit_meets_its_label() -> None:
    real, fake = scored(torch.full((3, 2, 5), 0.9)), scored(torch.full((3, 2, 5), 0.1))
    assert SQUARES.discriminator(real, fake).tolist() == [0, 0]
    assert SQUARES.generator(fake, real).tolist() == [0, 0]


def test_the_discriminator_minimum_between_equal_materials_is_halfway() -> None:
    logits = torch.tensor([[[0.2], [0.8]]], requires_grad=True)
    optimizer = torch.optim.SGD([logits], 0.4)
    for _ in range(100):
        optimizer.zero_grad()
        SQUARES.discriminator(scored(logits), scored(logits)).sum().backward()
        optimizer.step()
    assert logits.flatten().tolist() == pytest.approx([0.5, 0.5])
    found = SQUARES.discriminator(scored(logits), scored(logits))
    assert found.tolist() == pytest.approx([0.16, 0.16])


def test_several_logits_are_each_compared_with_the_label() -> None:
    # The mean logit is the label, but neither logit is.
    loss = SQUARES.generator(score(0), scored(torch.tensor([[[0.4, 1.4]]])))
    assert loss.item() == pytest.approx(0.25)


def test_silent_segments_count_for_nothing_and_in_the_number_of_segments() -> None:
    logits = torch.tensor([[[0.4], [0.4]], [[0.9], [100.0]]])  # (2, 2, 1)
    fake = scored(logits, torch.tensor([[True, True], [True, False]]))
    assert SQUARES.generator(fake, fake).tolist() == pytest.approx([0.125, 0.125])


def test_micro_batches_average_to_the_whole_batch() -> None:
    logits = torch.randn(4, 2, 3)
    active = torch.tensor([[True, True], [True, False], [True, False], [False, False]])
    whole = scored(logits, active)
    parts = [scored(logits[part], active[part]) for part in (slice(0, 2), slice(2, 4))]
    for objective in (SQUARES, HINGE):
        halves = [objective.generator(part, part) for part in parts]
        torch.testing.assert_close(torch.stack(halves).mean(0), objective.generator(whole, whole))


def test_hinge_asks_real_signals_to_lie_above_and_estimates_below_their_labels() -> None:
    loss = HINGE.discriminator(score(0.6, 1.5), score(0.4, -3.0))
    assert loss.tolist() == pytest.approx([(0.3 + 0.3) / 2, 0.0])
    real, fake = joined(score(0.8), score(0.6)), joined(score(0.1), score(0.7))
    loss = HINGE.discriminator(real, fake)
    assert loss.item() == pytest.approx((0.1 + 0.3) / 4 + (0.0 + 0.6) / 4)


def test_hinge_pulls_the_generator_with_the_same_force_everywhere() -> None:
    logits = torch.tensor([[[-5.0], [0.9], [2.0]]], requires_grad=True)
    loss = HINGE.generator(score(0, 0, 0), scored(logits))
    assert loss.tolist() == pytest.approx([5.9, 0.0, -1.1])
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == [-1, -1, -1]


def test_hinge_is_the_published_one_after_a_change_of_scale() -> None:
    """With C = (D - 0.5) / 0.4 the labels are 1 and -1."""
    real, fake = torch.randn(5, 2, 3), torch.randn(5, 2, 3)
    loss = HINGE.discriminator(scored(real), scored(fake))
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
        (0.8, RELATIVISTIC.discriminator(scored(real), scored(fake))),
        (-0.8, RELATIVISTIC.generator(scored(real), scored(fake))),
    ):
        expected = published(real, fake, margin)
        torch.testing.assert_close(loss[0], expected.float())
        found = torch.autograd.grad(loss.sum(), (real, fake), retain_graph=True)
        wanted = torch.autograd.grad(expected, (real, fake))
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_relativistic_discriminators_know_differences_only() -> None:
    real, fake = torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    loss = RELATIVISTIC.discriminator(scored(real), scored(fake))
    moved = RELATIVISTIC.discriminator(scored(real + 7), scored(fake + 7))
    torch.testing.assert_close(loss, moved, rtol=1e-4, atol=1e-5)


def test_paired_and_unpaired_means_weigh_the_same_in_a_relativistic_comparison() -> None:
    real = joined(score(0.6), scored(torch.tensor([1.0, 1.2]).reshape(2, 1, 1)))  # 0.6 and 1.1
    fake = joined(score(0.2), score(0.4))
    above = [(0.6 - 0.3 - 0.8) ** 2, ((1.0 - 0.3 - 0.8) ** 2 + (1.2 - 0.3 - 0.8) ** 2) / 2]
    below = [(0.2 - 0.85 + 0.8) ** 2, (0.4 - 0.85 + 0.8) ** 2]
    loss = RELATIVISTIC.discriminator(real, fake)
    assert loss.item() == pytest.approx(sum(above) / 4 + sum(below) / 4)


def test_silent_segments_are_no_part_of_the_means_of_relativistic_discriminators() -> None:
    real = scored(torch.tensor([0.5, 100.0]).reshape(2, 1, 1), torch.tensor([[True], [False]]))
    loss = RELATIVISTIC.discriminator(real, score(0.3))
    assert loss.item() == pytest.approx((0.6**2 / 2 + 0.6**2) / 2)


@ALL
def test_a_source_without_active_segments_adds_exactly_nothing(objective: Objective) -> None:
    logits = torch.tensor([[[0.4], [float("inf")]]], requires_grad=True)
    silent = scored(logits, torch.tensor([[True, False]]))
    sounding = scored(torch.tensor([[[0.7], [0.9]]]))
    for loss in (objective.discriminator(silent, silent), objective.generator(sounding, silent)):
        assert loss[1] == 0
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert gradient[0, 1] == 0


def test_a_source_that_sounds_on_one_side_only_is_compared_with_nothing() -> None:
    logits = torch.tensor([[[0.4], [0.3]]], requires_grad=True)
    silent = scored(torch.tensor([[[0.7], [float("inf")]]]), torch.tensor([[True, False]]))
    for real, fake in ((scored(logits), silent), (silent, scored(logits))):
        loss = RELATIVISTIC.discriminator(real, fake)
        assert loss[1] == 0
        (gradient,) = torch.autograd.grad(loss.sum(), logits)
        assert gradient[0, 1] == 0
        assert gradient[0, 0] != 0


@ALL
def test_labels_that_do_not_tell_real_from_fake_are_refused(objective: Objective) -> None:
    with pytest.raises(ValueError, match=r"real: expected above fake, got real 0.5, fake 0.5"):
        type(objective)(real=0.5, fake=0.5)


def test_weights_that_do_not_fit_are_refused() -> None:
    two = scored(torch.zeros(1, 2, 1))._replace(weights=torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"expected weights \(N, S\) = \(1, 2\), got \(2, 2\)"):
        SQUARES.generator(two, two)
