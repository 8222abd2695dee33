"""Reconstruction and adversarial losses against values by hand."""

import pytest
import torch
from torch import Tensor

from gan_sep.adversarial.objectives import (
    Labels,
    Scored,
    discriminator_loss,
    separation_loss,
)
from gan_sep.discriminators.base import DiscriminatorOutput
from gan_sep.losses.l1_time import Config as L1Time

LABELS = Labels()


def scored(logits: Tensor, active: Tensor | None = None, divisor: Tensor | None = None) -> Scored:
    if active is None:
        active = torch.ones(logits.shape[:2], dtype=torch.bool)
    return Scored(DiscriminatorOutput(logits, []), active, divisor)


def score(*values: float) -> Scored:
    """One segment with one logit for each source."""
    return scored(torch.tensor(values).reshape(1, -1, 1))


def test_l1_is_the_mean_over_batch_channels_and_time_per_source() -> None:
    sources = torch.zeros(1, 2, 2, 2)
    estimates = torch.tensor([[[[1.0, -1.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, -1.0]]]])
    assert L1Time()(estimates, sources).tolist() == [0.5, 1.0]


def test_l1_is_zero_on_equal_input() -> None:
    sources = torch.randn(2, 3, 2, 10)
    assert L1Time()(sources, sources).tolist() == [0, 0, 0]


def test_l1_refuses_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 3, 2, 10\) and \(2, 3, 1, 10\)"):
        L1Time()(torch.zeros(2, 3, 2, 10), torch.zeros(2, 3, 1, 10))


def test_the_discriminator_loss_has_four_terms_of_one_quarter() -> None:
    loss = discriminator_loss(
        [score(0.9, 0.5), score(0.4, 0.9)], [score(0.1, 0.3), score(0.7, 0.1)], LABELS
    )
    # Source 0: 1/4 (0 + .5^2 + 0 + .6^2); source 1: 1/4 (.4^2 + 0 + .2^2 + 0).
    assert loss.tolist() == pytest.approx([0.1525, 0.05])


def test_without_unpaired_material_the_paired_terms_weigh_one_half() -> None:
    loss = discriminator_loss([score(0.5, 0.9)], [score(0.3, 0.1)], LABELS)
    assert loss.tolist() == pytest.approx([0.5 * 0.4**2 + 0.5 * 0.2**2, 0])


def test_real_and_fake_weigh_alike_when_only_mixtures_are_unpaired() -> None:
    loss = discriminator_loss([score(0.5)], [score(0.3), score(0.5)], LABELS)
    assert loss.item() == pytest.approx(0.5 * 0.4**2 + 0.25 * 0.2**2 + 0.25 * 0.4**2)


def test_the_separation_loss_is_the_sum_of_paired_and_unpaired_terms() -> None:
    loss = separation_loss([score(0.4, 0.9), scored(torch.tensor([[[0.8], [0.7]]]))], LABELS)
    assert loss.tolist() == pytest.approx([0.5**2 + 0.1**2, 0.2**2])


def test_both_losses_are_zero_where_every_logit_meets_its_label() -> None:
    real, fake = scored(torch.full((3, 2, 5), 0.9)), scored(torch.full((3, 2, 5), 0.1))
    assert discriminator_loss([real], [fake], LABELS).tolist() == [0, 0]
    assert separation_loss([real], LABELS).tolist() == [0, 0]


def test_the_discriminator_minimum_between_equal_materials_is_halfway() -> None:
    logits = torch.tensor([[[0.2], [0.8]]], requires_grad=True)
    optimizer = torch.optim.SGD([logits], 0.4)
    for _ in range(100):
        optimizer.zero_grad()
        discriminator_loss([scored(logits)], [scored(logits)], LABELS).sum().backward()
        optimizer.step()
    assert logits.flatten().tolist() == pytest.approx([0.5, 0.5])
    assert discriminator_loss([scored(logits)], [scored(logits)], LABELS).tolist() == pytest.approx(
        [0.16, 0.16]
    )


def test_several_logits_are_each_compared_with_the_label() -> None:
    # The mean logit is the label, but neither logit is.
    loss = separation_loss([scored(torch.tensor([[[0.4, 1.4]]]))], LABELS)
    assert loss.item() == pytest.approx(0.25)


def test_silent_segments_are_left_out_of_the_mean() -> None:
    logits = torch.tensor([[[0.4], [0.4]], [[0.9], [100.0]]])  # (2, 2, 1)
    active = torch.tensor([[True, True], [True, False]])
    loss = separation_loss([scored(logits, active)], LABELS)
    assert loss.tolist() == pytest.approx([0.125, 0.25])


def test_a_source_that_is_silent_everywhere_adds_exactly_nothing() -> None:
    logits = torch.tensor([[[0.4], [float("inf")]]], requires_grad=True)
    active = torch.tensor([[True, False]])
    silent = scored(logits, active)
    loss = discriminator_loss([silent], [silent], LABELS) + separation_loss([silent], LABELS)
    loss.sum().backward()
    assert loss[1] == 0
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert logits.grad[0, 0] != 0


def test_a_divisor_makes_processes_average_to_the_whole_batch() -> None:
    logits = torch.randn(4, 2, 3)
    active = torch.tensor([[True, True], [True, False], [True, False], [False, False]])
    whole = separation_loss([scored(logits, active)], LABELS)
    divisor = active.sum(0) / 2
    halves = [
        separation_loss([scored(logits[part], active[part], divisor)], LABELS)
        for part in (slice(0, 2), slice(2, 4))
    ]
    torch.testing.assert_close(torch.stack(halves).mean(0), whole)


def test_labels_that_do_not_tell_real_from_fake_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected real above fake, got real 0.5 and fake 0.5"):
        Labels(real=0.5, fake=0.5)


def test_losses_without_material_are_refused() -> None:
    with pytest.raises(ValueError, match="got 1 and 0"):
        discriminator_loss([score(0.5)], [], LABELS)
    with pytest.raises(ValueError, match="got none"):
        separation_loss([], LABELS)


@pytest.mark.parametrize("active", [torch.ones(2, 2, dtype=torch.bool), torch.ones(1, 2)])
def test_a_mask_that_does_not_fit_is_refused(active: Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected a bool mask \(B, S\) = \(1, 2\)"):
        separation_loss([scored(torch.zeros(1, 2, 1), active)], LABELS)
