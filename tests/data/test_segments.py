"""Segment streams: pure in (seed, position), whole epochs."""

import pytest
import torch
from torch import Tensor

from gan_sep.data.base import Track
from gan_sep.data.segments import PairedSegments, Stem, UnpairedSegments


class Ramp(Track):
    """A track whose sample t is 1000 * number + t, negative in the second of its two sources."""

    def __init__(self, number: int, num_samples: int = 100) -> None:
        self.name, self.number, self.num_samples = f"song {number}", number, num_samples

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        stop = self.stop(start, num_samples)
        ramp = 1000.0 * self.number + torch.arange(start, stop)
        return torch.stack([ramp, -ramp])[:, None]  # (2, 1, T)


def ramps(count: int) -> list[Ramp]:
    return [Ramp(number) for number in range(1, count + 1)]


def unpaired(count: int = 4, seed: int = 0) -> UnpairedSegments:
    tracks = ramps(count)
    return UnpairedSegments(tracks, [[Stem(t, s) for t in tracks] for s in range(2)], 10, seed)


def number_and_start(segment: Tensor) -> tuple[int, int]:
    """Which track a ramp is of, and where it begins."""
    return divmod(round(abs(float(segment.flatten()[0]))), 1000)


def test_a_segment_is_a_piece_of_one_track_in_all_sources() -> None:
    segment = PairedSegments(ramps(3), 10, seed=0)[5]
    assert segment.shape == (2, 1, 10)
    assert torch.equal(segment[0, 0].diff(), torch.ones(9))
    assert torch.equal(segment[0], -segment[1])


def test_each_epoch_holds_every_track_once_in_an_order_of_its_own() -> None:
    segments = PairedSegments(ramps(7), 10, seed=0)
    orders = [
        tuple(number_and_start(segments[epoch * 7 + i])[0] for i in range(7)) for epoch in range(5)
    ]
    assert all(sorted(order) == list(range(1, 8)) for order in orders)
    assert len(set(orders)) == 5


def test_starts_are_uniform_to_the_very_end_of_the_track() -> None:
    segments = PairedSegments([Ramp(1)], 91, seed=0)
    starts = [number_and_start(segments[i])[1] for i in range(1000)]
    counts = torch.bincount(torch.tensor(starts), minlength=10)
    assert len(counts) == 10
    # 100 expected of each start, with a standard deviation of 9.5
    assert ((counts - 100).abs() < 40).all()


def test_an_item_depends_on_seed_and_position_alone() -> None:
    forward = PairedSegments(ramps(5), 10, seed=3)
    backward = PairedSegments(ramps(5), 10, seed=3)
    items = [forward[i] for i in range(20)]
    again = [backward[i] for i in reversed(range(20))][::-1]
    assert torch.equal(torch.stack(items), torch.stack(again))
    other = [PairedSegments(ramps(5), 10, seed=4)[i] for i in range(20)]
    assert not torch.equal(torch.stack(items), torch.stack(other))


def test_stems_never_come_from_the_mixtures_track_and_each_is_drawn_on_its_own() -> None:
    drawn = set()
    for position in range(300):
        mixture, stems = unpaired()[position]
        assert mixture.eq(0).all()  # the sum of a ramp and its negative
        drawn.add(tuple(number_and_start(stem)[0] for stem in stems))
    assert len(drawn) == 16

    loud = [Stem(track, 0) for track in ramps(3)]
    segments = UnpairedSegments([Half(number) for number in (1, 2, 3)], [loud], 10, seed=0)
    pairs = [segments[position] for position in range(200)]
    assert all(number_and_start(m)[0] != number_and_start(s)[0] for m, s in pairs)
    assert {number_and_start(m)[0] for m, _ in pairs} == {1, 2, 3}


class Half(Ramp):
    """A mixture without stems: a track of one source."""

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        return super().read(start, num_samples)[:1]


def test_two_tracks_always_exchange_their_stems() -> None:
    mixtures = [Half(1), Half(2)]
    segments = UnpairedSegments(mixtures, [[Stem(track, 0) for track in ramps(2)]], 10, seed=0)
    for position in range(20):
        mixture, stems = segments[position]
        assert number_and_start(mixture)[0] + number_and_start(stems)[0] == 3


def test_streams_without_material_or_with_too_short_tracks_are_errors() -> None:
    with pytest.raises(ValueError, match="expected at least one track to train on, got none"):
        PairedSegments([], 10, seed=0)
    with pytest.raises(ValueError, match=r"track 'song 1': .* segment of 101 samples, got 100"):
        PairedSegments([Ramp(1)], 101, seed=0)
    with pytest.raises(ValueError, match="expected mixtures and stems to draw from, got none"):
        UnpairedSegments([], [[Stem(Ramp(1), 0)]], 10, seed=0)
    with pytest.raises(ValueError, match="no stem of source 0 comes from another track than the"):
        UnpairedSegments([Ramp(1)], [[Stem(Ramp(1), 0)]], 10, seed=0)
    with pytest.raises(ValueError, match=r"track 'song 2': .* segment of 50 samples, got 20"):
        UnpairedSegments([Ramp(1)], [[Stem(Ramp(2, 20), 0)]], 50, seed=0)
