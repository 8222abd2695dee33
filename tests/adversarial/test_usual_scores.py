"""The running means behind LeCam against values by hand."""

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.objectives import Scored
from gan_sep.adversarial.regularizers import LeCam
from gan_sep.adversarial.usual_scores import UsualScores
from gan_sep.discriminators.base import DiscriminatorOutput


def usual_scores(num_sources: int = 1) -> UsualScores:
    return UsualScores(LeCam(weight=2.0, decay=0.9), num_sources, Accelerator(cpu=True))


def scored(scores: Tensor, active: Tensor | None = None) -> Scored:
    """scores: (B, S)."""
    everywhere = torch.ones(scores.shape, dtype=torch.bool)
    return Scored(
        DiscriminatorOutput(scores[..., None], []), everywhere if active is None else active
    )


def test_scores_are_compared_with_the_running_means_of_the_steps_before() -> None:
    usual = usual_scores()
    real, fake = scored(torch.tensor([[0.8], [1.0]])), scored(torch.tensor([[0.1], [0.3]]))
    assert usual.penalty([real], [fake]).item() == 0  # nothing is usual yet
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.9, 0.2])
    # Passes of one step: (0.6^2 + 0.8^2) / 2 for real, (0.8^2 + 0.6^2) / 2 for estimates; twice.
    for _ in range(2):
        assert usual.penalty([real], [fake]).item() == pytest.approx(2.0 * (0.5 + 0.5))
    usual.penalty([scored(torch.tensor([[0.0], [0.0]]))], [fake])
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.9 * 0.9 + 0.1 * 0.6, 0.2])


def test_a_source_that_was_never_given_on_both_sides_is_not_penalised() -> None:
    usual = usual_scores(2)
    real, fake = torch.tensor([[0.8, 0.8]]), torch.tensor([[0.2, 0.2]])
    half = torch.tensor([[True, False]])
    for _ in range(2):
        penalty = usual.penalty([scored(real, half)], [scored(fake)])
        usual.end_step()
    assert penalty[0] > 0
    assert usual.penalty([scored(real)], [scored(fake)])[1] == 0
    assert usual.means[1].tolist() == pytest.approx([0.2, 0.2])
    assert usual.means[0, 1].isnan()


def test_silence_leaves_the_means_as_they_were() -> None:
    usual = usual_scores()
    nothing = torch.zeros(1, 1, dtype=torch.bool)
    usual.penalty([scored(torch.tensor([[0.8]]))], [scored(torch.tensor([[0.2]]))])
    usual.end_step()
    silent = scored(torch.tensor([[float("inf")]]), nothing)
    assert usual.penalty([silent], [silent]).item() == 0
    usual.end_step()
    assert usual.means.flatten().tolist() == pytest.approx([0.8, 0.2])


def test_a_saved_state_goes_on_where_it_stood() -> None:
    first, second = usual_scores(), usual_scores()
    first.penalty([scored(torch.tensor([[0.8]]))], [scored(torch.tensor([[0.2]]))])
    first.end_step()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.means, second.means)
