"""Gradient penalties and LeCam against values by hand."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from adversarial.scores import joined, score, scored

from gan_sep.adversarial.regularizers import lecam, r1, r2
from gan_sep.adversarial.regularizers.lecam import LeCam, lecam_penalty
from gan_sep.adversarial.regularizers.r1 import gradient_penalty


def test_the_penalty_of_a_linear_discriminator_is_the_square_of_its_weights() -> None:
    weights = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, 0.0]], requires_grad=True)  # (S, T)
    signals = torch.randn(4, 2, 1, 3, requires_grad=True)
    logits = torch.einsum("st,bsct->bsc", weights, signals)
    penalty = gradient_penalty(scored(logits, signals=signals))
    assert penalty.tolist() == pytest.approx([14.0, 0.25])
    penalty.sum().backward()
    torch.testing.assert_close(weights.grad, 2 * weights.detach())


def test_the_penalty_of_a_quadratic_discriminator_is_a_mean_over_segments_and_logits() -> None:
    signals = torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1, 1).requires_grad_()
    squares = signals.flatten(2).square()  # (3, 1, 1)
    logits = torch.cat([squares, 3 * squares], 2)  # their mean is 2 x^2, its slope 4 x
    penalty = gradient_penalty(scored(logits, signals=signals))
    assert penalty.item() == pytest.approx(16 * (1 + 4 + 16) / 3)


def test_silent_segments_have_no_penalty() -> None:
    signals = torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1).requires_grad_()
    logits = signals.flatten(2).square()  # slope 2 x
    active = torch.tensor([[True], [False]])
    assert gradient_penalty(scored(logits, active, signals=signals)).item() == pytest.approx(2)


def test_a_lazy_penalty_comes_seldom_and_as_much_the_stronger() -> None:
    slope = torch.tensor([3.0, 5.0], requires_grad=True)
    real, fake = (torch.ones(1, 1, 1, 1, requires_grad=True) for _ in range(2))
    outputs = [
        scored((weight * signals).flatten(2), signals=signals)
        for weight, signals in zip(slope, (real, fake), strict=True)
    ]
    for module, square in ((r1, 9), (r2, 25)):
        penalty = module.Config(weight=2.0, every=4).build(1, Accelerator(cpu=True))
        found = [penalty(outputs[0], outputs[1], step) for step in range(8)]
        assert [each is not None for each in found] == [True, False, False, False] * 2
        assert [penalty.differentiates(step) for step in range(4)] == [True, False, False, False]
        given = [each for each in found if each is not None]
        assert [each.item() for each in given] == pytest.approx([4 * 2 / 2 * square] * 2)


def test_lecam_holds_scores_near_the_usual_ones_of_the_other_kind() -> None:
    penalty = lecam_penalty(
        score(0.8, 0.1), score(0.3, 0.9), torch.tensor([0.7, 0.7]), torch.tensor([0.2, 0.2])
    )
    # Source 1: 0.6^2 + 0.4^2. Source 2: real below the usual fake, fake above the usual real.
    assert penalty.tolist() == pytest.approx([0.36 + 0.16, 0.0])


def test_lecam_averages_over_logits_and_kinds_and_leaves_silence_out() -> None:
    several = scored(torch.tensor([[[1.2, 0.2]]]))
    silent = scored(torch.tensor([[[torch.inf]]]), torch.tensor([[False]]))
    usual = torch.tensor([0.2])
    assert lecam_penalty(several, score(0.7), torch.tensor([0.7]), usual).tolist() == [
        pytest.approx(0.5)
    ]
    half = joined(score(1.2), silent)
    assert lecam_penalty(half, silent, usual, usual).item() == pytest.approx(0.5)


def regularizer(num_sources: int = 1) -> LeCam:
    return lecam.Config(weight=2.0, decay=0.9).build(num_sources, Accelerator(cpu=True))


def test_scores_are_compared_with_the_running_means_of_the_steps_before() -> None:
    usual = regularizer()
    real, fake = scored(torch.tensor([[[0.8]], [[1.0]]])), scored(torch.tensor([[[0.1]], [[0.3]]]))
    assert usual(real, fake, 0).item() == 0  # nothing is usual yet
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.9, 0.2])
    # Micro-batches of a step: (0.6^2 + 0.8^2) / 2 for real, (0.8^2 + 0.6^2) / 2 for estimates.
    for _ in range(2):
        assert usual(real, fake, 1).item() == pytest.approx(2.0 * (0.5 + 0.5))
    usual(scored(torch.zeros(2, 1, 1)), fake, 1)
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.9 * 0.9 + 0.1 * 0.6, 0.2])


def test_a_source_that_never_sounded_on_both_sides_is_not_penalised() -> None:
    usual = regularizer(2)
    real, fake = torch.full((1, 2, 1), 0.8), torch.full((1, 2, 1), 0.2)
    half = torch.tensor([[True, False]])
    for step in range(2):
        penalty = usual(scored(real, half), scored(fake), step)
        usual.end_step()
    assert penalty[0] > 0
    assert usual(scored(real), scored(fake), 2)[1] == 0
    assert usual.means[1].tolist() == pytest.approx([0.2, 0.2])
    assert usual.means[0, 1].isnan()


def test_silence_leaves_the_means_as_they_were() -> None:
    usual = regularizer()
    usual(score(0.8), score(0.2), 0)
    usual.end_step()
    silent = scored(torch.tensor([[[torch.inf]]]), torch.zeros(1, 1, dtype=torch.bool))
    assert usual(silent, silent, 1).item() == 0
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.8, 0.2])


def test_a_saved_state_goes_on_where_it_stood() -> None:
    first, second = regularizer(), regularizer()
    first(score(0.8), score(0.2), 0)
    first.end_step()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.means, second.means)


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        (r1.Config, {"weight": -1.0}, "weight: expected > 0, got -1.0"),
        (r2.Config, {"weight": 0.0}, "weight: expected > 0, got 0.0"),
        (r1.Config, {"every": 0}, "every: expected at least 1, got 0"),
        (lecam.Config, {"weight": 0.0}, "weight: expected > 0, got 0.0"),
        (lecam.Config, {"decay": 1.0}, r"decay: expected \[0, 1\), got 1.0"),
    ],
)
def test_impossible_settings_are_refused(
    settings: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**fields)
