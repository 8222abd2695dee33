"""Gradient penalties and LeCam against values by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gan_sep.adversarial.objectives import Scored
from gan_sep.adversarial.regularizers import GradientPenalty, LeCam, gradient_penalty, lecam_penalty
from gan_sep.discriminators.base import DiscriminatorOutput


def scored(logits: Tensor, active: Tensor | None = None) -> Scored:
    if active is None:
        active = torch.ones(logits.shape[:2], dtype=torch.bool)
    return Scored(DiscriminatorOutput(logits, []), active)


def score(*values: float) -> Scored:
    """One segment with one logit for each source."""
    return scored(torch.tensor(values).reshape(1, -1, 1))


def test_the_penalty_of_a_linear_discriminator_is_the_square_of_its_weights() -> None:
    weights = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, 0.0]], requires_grad=True)  # (S, T)
    signals = torch.randn(4, 2, 1, 3, requires_grad=True)
    logits = torch.einsum("st,bsct->bsc", weights, signals)
    penalty = gradient_penalty([scored(logits)], [signals])
    assert penalty.tolist() == pytest.approx([14.0, 0.25])
    penalty.sum().backward()
    torch.testing.assert_close(weights.grad, 2 * weights.detach())


def test_the_penalty_of_a_quadratic_discriminator_is_a_mean_over_segments_and_logits() -> None:
    signals = torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1, 1).requires_grad_()
    squares = signals.flatten(2).square()  # (3, 1, 1)
    logits = torch.cat([squares, 3 * squares], 2)  # their mean is 2 x^2, its slope 4 x
    penalty = gradient_penalty([scored(logits)], [signals])
    assert penalty.item() == pytest.approx(16 * (1 + 4 + 16) / 3)


def test_paired_and_unpaired_signals_weigh_the_same_and_silent_ones_nothing() -> None:
    paired = torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1).requires_grad_()
    unpaired = torch.tensor([5.0]).reshape(1, 1, 1, 1).requires_grad_()
    logits = torch.cat([paired, unpaired]).flatten(2).square()  # slope 2 x
    first = scored(logits[:2], torch.tensor([[True], [False]]))
    penalty = gradient_penalty([first, scored(logits[2:])], [paired, unpaired])
    assert penalty.item() == pytest.approx((4 + 100) / 2)


def test_output_of_other_signals_are_refused() -> None:
    signals = torch.zeros(3, 1, 1, 2, requires_grad=True)
    two = scored(signals.flatten(2)[:2])
    with pytest.raises(ValueError, match=r"the signals of each, got \[2\] and \[3\] segments"):
        gradient_penalty([two], [signals])
    with pytest.raises(ValueError, match=r"got \[\] and \[\]"):
        gradient_penalty([], [])


def test_a_lazy_penalty_comes_seldom_and_as_much_the_stronger() -> None:
    settings = GradientPenalty(r1=2.0, r2=0.5, every=4)
    weights = [settings.weights(step) for step in range(8)]
    assert weights[0] == weights[4] == (4.0, 1.0)
    assert sum(real for real, _ in weights) / 8 == pytest.approx(2.0 / 2)
    assert sum(fake for _, fake in weights) / 8 == pytest.approx(0.5 / 2)


def test_lecam_holds_scores_near_the_usual_ones_of_the_other_kind() -> None:
    penalty = lecam_penalty(
        [score(0.8, 0.1)], [score(0.3, 0.9)], torch.tensor([0.7, 0.7]), torch.tensor([0.2, 0.2])
    )
    # Source 1: 0.6^2 + 0.4^2. Source 2: real below the usual fake, fake above the usual real.
    assert penalty.tolist() == pytest.approx([0.36 + 0.16, 0.0])


def test_lecam_averages_over_logits_and_materials_and_leaves_silence_out() -> None:
    several = scored(torch.tensor([[[1.2, 0.2]]]))
    silent = scored(torch.tensor([[[torch.inf]]]), torch.tensor([[False]]))
    usual = torch.tensor([0.2])
    assert lecam_penalty([several], [score(0.7)], torch.tensor([0.7]), usual).tolist() == [
        pytest.approx(0.5)
    ]
    assert lecam_penalty([several, silent], [silent], usual, usual).item() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        (GradientPenalty, {"r1": -1.0}, "r1: expected a weight >= 0, got -1.0"),
        (GradientPenalty, {"r1": 1.0, "r2": -1.0}, "r2: expected a weight >= 0, got -1.0"),
        (GradientPenalty, {}, "r1: expected r1 or r2 above 0"),
        (GradientPenalty, {"r1": 1.0, "every": 0}, "every: expected >= 1, got 0"),
        (LeCam, {"weight": 0.0}, "weight: expected > 0, got 0.0"),
        (LeCam, {"decay": 1.0}, r"decay: expected \[0, 1\), got 1.0"),
    ],
)
def test_impossible_settings_are_refused(
    settings: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**fields)
