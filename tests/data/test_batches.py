"""Batches: the same for any division among processes and any number of reading threads."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gan_sep.data.base import Track
from gan_sep.data.batches import batches
from gan_sep.data.segments import PairedSegments, Stem, UnpairedSegment, UnpairedSegments


class Ramp(Track):
    """A track whose sample t is 1000 * number + t, negative in the second of its two sources."""

    def __init__(self, number: int) -> None:
        self.name, self.number, self.num_samples = f"song {number}", number, 100

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        ramp = 1000.0 * self.number + torch.arange(start, self.stop(start, num_samples))
        return torch.stack([ramp, -ramp])[:, None]  # (2, 1, T)


def ramps(count: int) -> list[Track]:
    return [Ramp(number) for number in range(1, count + 1)]


def unpaired() -> UnpairedSegments:
    tracks = ramps(4)
    return UnpairedSegments(tracks, [[Stem(t, s) for t in tracks] for s in range(2)], 10, seed=0)


def joined(iterator: Iterator[Tensor]) -> Tensor:
    return torch.stack(list(iterator))


def test_a_global_batch_is_divided_among_processes_in_order() -> None:
    segments = PairedSegments(ramps(5), 10, seed=0)
    whole = joined(batches(segments, 6, first_batch=2, num_batches=3))  # (3, 6, S, C, T)
    assert torch.equal(whole[0], torch.stack([segments[i] for i in range(12, 18)]))
    for world_size in (2, 3):
        parts = [
            joined(batches(segments, 6 // world_size, 2, 3, rank, world_size))
            for rank in range(world_size)
        ]
        assert torch.equal(torch.cat(parts, dim=1), whole)


def test_batches_begin_anywhere_in_the_stream() -> None:
    segments = PairedSegments(ramps(5), 10, seed=0)
    whole = joined(batches(segments, 4, 0, 6))
    assert torch.equal(joined(batches(segments, 4, 4, 2)), whole[4:])
    assert list(batches(segments, 4, 0, 0)) == []


def test_any_number_of_workers_gives_the_same_bits_in_order() -> None:
    segments = PairedSegments(ramps(5), 10, seed=0)
    alone = joined(batches(segments, 2, 0, 5))
    for workers in (1, 2, 5):
        assert torch.equal(joined(batches(segments, 2, 0, 5, workers=workers)), alone)


def test_workers_read_ahead_while_a_batch_is_used_and_stop_with_it() -> None:
    asked: list[int] = []

    class Slow:
        def __getitem__(self, position: int) -> Tensor:
            asked.append(position)
            return torch.tensor(position)

    read = batches(Slow(), 2, 0, 1000, workers=1)
    assert next(read).tolist() == [0, 1]
    read.close()
    count = len(asked)
    assert set(asked) == set(range(count))  # in order, from the first on
    assert count <= 2 * 2  # the batch in use and the one that a worker reads


def test_workers_compute_on_one_thread_and_leave_the_others_alone() -> None:
    threads: list[int] = []

    class Counting:
        def __getitem__(self, position: int) -> Tensor:
            threads.append(torch.get_num_threads())
            return torch.zeros(1)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        list(batches(Counting(), 2, 0, 3, workers=2))
        assert set(threads) == {1}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_an_error_while_reading_ahead_reaches_the_reader_as_it_is() -> None:
    class Broken:
        def __getitem__(self, position: int) -> Tensor:
            if position == 3:
                raise ValueError("song.flac: cannot be decoded")
            return torch.tensor(position)

    read = batches(Broken(), 2, 0, 5, workers=2)
    assert next(read).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"song\.flac: cannot be decoded"):
        next(read)


def test_batches_of_unpaired_segments_keep_their_names() -> None:
    [batch] = batches(unpaired(), 3, 0, 1)
    assert isinstance(batch, UnpairedSegment)
    assert batch.mixture.shape == (3, 1, 10)
    assert batch.stems.shape == (3, 2, 1, 10)


def test_batch_counts_out_of_range_are_errors() -> None:
    segments = PairedSegments(ramps(1), 10, seed=0)
    with pytest.raises(ValueError, match="expected batch_size >= 1"):
        next(batches(segments, 0, 0, 1))
    with pytest.raises(ValueError, match="expected a rank below world_size 2, got 2"):
        next(batches(segments, 1, 0, 1, rank=2, world_size=2))
