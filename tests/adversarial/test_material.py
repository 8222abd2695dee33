"""What the discriminators are asked: signals, the mixtures they belong to, and where they count."""

import torch
from torch import Tensor, nn

from gan_sep.adversarial.material import Batch, materials, score_materials
from gan_sep.discriminators.base import DiscriminatorOutput


def constant(*levels: float) -> Tensor:
    """Sources of these levels, one segment: (1, S, 1, 4)."""
    return torch.tensor(levels).reshape(1, -1, 1, 1).expand(-1, -1, -1, 4)


def levels(signals: Tensor) -> list[float]:
    """What `constant` was made of, segment after segment."""
    return signals[..., 0].flatten().tolist()


BATCH = Batch(constant(0.5, 0.0), (constant(8.0)[:, 0], constant(0.25, 0.5)))
ESTIMATES = torch.cat([constant(0.375, 0.125), constant(5.0, 0.0)])  # of the mixtures 0.5 and 8


def test_real_material_belongs_to_its_sum_and_estimates_to_what_they_were_made_from() -> None:
    real, fake = materials(BATCH, ESTIMATES, -60.0)
    assert [levels(material.signals) for material in real] == [[0.5, 0.0], [0.25, 0.5]]
    assert [levels(material.mixture) for material in real] == [[0.5], [0.75]]
    assert [levels(material.signals) for material in fake] == [[0.375, 0.125], [5.0, 0.0]]
    assert [levels(material.mixture) for material in fake] == [[0.5], [8.0]]


def test_estimates_count_where_the_true_source_sounds_or_if_unknown_they_themselves() -> None:
    real, fake = materials(BATCH, ESTIMATES, -60.0)
    assert [material.active.tolist() for material in real] == [[[True, False]], [[True, True]]]
    assert [material.active.tolist() for material in fake] == [[[True, False]], [[True, False]]]


def test_without_unpaired_material_there_is_one_of_each_kind() -> None:
    real, fake = materials(Batch(BATCH.sources), ESTIMATES[:1], None)
    assert len(real) == len(fake) == 1
    assert fake[0].active.all()


class Echo(nn.Module):
    """Its logits are the first samples of source and mixture."""

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        context = mixture[:, None, 0, :1].expand(-1, sources.shape[1], -1)
        return DiscriminatorOutput(
            torch.cat([sources[:, :, 0, :1], context], 2), [sources[:, :, 0]]
        )


def test_each_material_gets_its_own_part_of_the_output() -> None:
    _, fake = materials(BATCH, ESTIMATES, -60.0)
    paired, unpaired = score_materials(Echo(), fake)
    assert paired.output.logits.tolist() == [[[0.375, 0.5], [0.125, 0.5]]]
    assert unpaired.output.logits.tolist() == [[[5.0, 8.0], [0.0, 8.0]]]
    assert torch.equal(unpaired.output.features[0], ESTIMATES[1:, :, 0])
    assert paired.divisor is not None
    assert paired.divisor.tolist() == [1.0, 1.0]
