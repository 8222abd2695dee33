"""The adaptive probability against moves counted by hand."""

import pytest
import torch
from accelerate import Accelerator
from adversarial.scores import scored as of_logits
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.augmentation import InputAugmentation
from gan_sep.adversarial.scored import Scored


def adaptive(**settings: float | None) -> AdaptiveProbability:
    fields = {"probability": 0.5, "target": 0.6, "ramp_segments": 100} | settings
    return AdaptiveProbability(InputAugmentation(**fields), 2, Accelerator(cpu=True))  # type: ignore[arg-type]


def scored(scores: Tensor, active: Tensor | None = None) -> Scored:
    """scores: (N, S)."""
    return of_logits(scores[..., None], active)


def test_every_four_steps_the_probability_moves_by_their_segments_over_the_ramp() -> None:
    probability = adaptive()
    # Of five segments four are taken for real: r_t = 0.6 would be none above the target.
    sure = torch.tensor([[0.6, 0.9], [0.6, 0.9], [0.6, 0.4], [0.6, 0.9], [0.6, 0.4]])
    for step in range(1, 9):
        probability.add(scored(sure))
        probability.end_step()
        moved = step // 4 * 4 * 5 / 100
        assert probability.values.tolist() == pytest.approx([0.5 + moved, 0.5 - moved])


def test_the_probability_stays_within_zero_and_one() -> None:
    probability = adaptive(ramp_segments=10)
    for _ in range(8):
        probability.add(scored(torch.tensor([[1.0, 0.0]]).expand(5, 2)))
        probability.end_step()
    assert probability.values.tolist() == [1, 0]


def test_silent_segments_and_unheard_sources_move_nothing() -> None:
    probability = adaptive()
    scores = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    active = torch.tensor([[False, False], [True, False]])
    for _ in range(4):
        probability.add(scored(scores, active))
        probability.end_step()
    # Both segments count for the pace, only the active one for the direction.
    assert probability.values.tolist() == pytest.approx([0.5 + 8 / 100, 0.5])


def test_without_a_target_the_probability_is_constant() -> None:
    probability = adaptive(target=None)
    for _ in range(8):
        probability.add(scored(torch.ones(5, 2)))
        probability.end_step()
    assert probability.values.tolist() == [0.5, 0.5]


def test_a_saved_state_goes_on_where_it_stood() -> None:
    whole, second = adaptive(), adaptive()
    first = adaptive()
    for step in range(6):
        for probability in (whole, first if step < 3 else second):
            probability.add(scored(torch.full((2, 2), 1.0 * (step < 4))))
            probability.end_step()
        if step == 2:
            second.load_state_dict(first.state_dict())
    assert torch.equal(whole.values, second.values)
    assert torch.equal(whole.sums, second.sums)
    assert whole.values[0] > 0.5
