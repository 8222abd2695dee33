"""Crops: the same place in whatever belongs together, from seed and step alone."""

import torch
from torch import Tensor

from gan_sep.adversarial.crops import Crops, crop_start
from gan_sep.adversarial.material import Batch, Place

SAMPLES = 1000


def ramps(*shape: int) -> Tensor:
    """Signals (*shape, T) whose samples say where they are from: place, and item in hundreds."""
    items = 10_000.0 * torch.arange(shape[0]).reshape(-1, *[1] * len(shape))
    return (items + torch.arange(SAMPLES)).expand(*shape, SAMPLES)


PASS = Batch(ramps(4, 2, 1), (ramps(2, 1), ramps(2, 2, 1)))
ESTIMATES = torch.cat([ramps(4, 2, 1), ramps(2, 2, 1)])


def test_all_that_belongs_to_a_segment_is_cropped_at_one_place() -> None:
    crops = Crops(100, seed=0)
    batch, estimates = crops(PASS, ESTIMATES, Place(3))
    assert batch.unpaired is not None
    mixtures, stems = batch.unpaired
    assert torch.equal(estimates, torch.cat([batch.sources, stems]))
    assert torch.equal(stems, mixtures[:, None].expand(-1, 2, -1, -1))
    for item, source in enumerate(batch.sources[:, 0, 0]):
        start = int(source[0]) - 10_000 * item
        assert torch.equal(source, PASS.sources[item, 0, 0, start : start + 100])


def test_every_segment_of_every_step_has_a_place_of_its_own() -> None:
    crops = Crops(100, seed=0)
    firsts = [crops(PASS, ESTIMATES, Place(step))[1][:, 0, 0, 0] % 10_000 for step in range(5)]
    assert len(set(torch.stack(firsts).flatten().tolist())) > 25  # of 30
    other = Crops(100, seed=1)(PASS, ESTIMATES, Place(0))[1][:, 0, 0, 0] % 10_000
    assert not torch.equal(other, firsts[0])


def test_passes_and_processes_that_share_a_step_crop_it_like_one() -> None:
    crops = Crops(100, seed=0)
    whole, _ = crops(Batch(PASS.sources), ESTIMATES[:4], Place(7))
    parts = [
        crops(Batch(PASS.sources[i : i + 2]), ESTIMATES[i : i + 2], Place(7, i // 2))[0].sources
        for i in (0, 2)
    ]
    assert torch.equal(torch.cat(parts), whole.sources)


def test_without_unpaired_material_there_is_none_and_the_paired_crops_stay_the_same() -> None:
    crops = Crops(100, seed=0)
    alone, estimates = crops(Batch(PASS.sources), ESTIMATES[:4], Place(0))
    both, _ = crops(PASS, ESTIMATES, Place(0))
    assert alone.unpaired is None
    assert torch.equal(estimates, alone.sources)
    assert torch.equal(alone.sources, both.sources)


def test_every_whole_crop_is_as_likely_as_any_other() -> None:
    starts = [crop_start(6, 4, 0, "purpose", item) for item in range(600)]
    assert set(starts) == {0, 1, 2}
    assert all(150 < starts.count(start) < 250 for start in range(3))
    assert crop_start(6, 6, 0, "purpose", 0) == 0
