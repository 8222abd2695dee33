"""Augmentation: statistics over many draws, and the same draws however a batch is cut."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.augment import (
    Augmentation,
    Chance,
    CircularShift,
    FlipSign,
    Gain,
    Remix,
    Shift,
    SwapChannels,
    augment,
)
from gan_sep.config.loader import ConfigError, build

AUDIO = AudioFormat(1000, 2, ("a", "b", "c"))
NONE = Augmentation(shift=None, swap_channels=None, flip_sign=None, remix=None)


def numbered(items: int, length: int, channels: int = 2) -> Tensor:
    """Sources (B, 3, C, T) in which every sample has its own positive value."""
    shape = (items, 3, channels, length)
    return torch.arange(1, 1 + items * 3 * channels * length, dtype=torch.float64).reshape(shape)


def test_nothing_turned_on_changes_nothing() -> None:
    sources = numbered(4, 5)
    assert torch.equal(augment(sources, NONE, AUDIO, seed=0, first_item=0), sources)


def test_sign_flip_strikes_each_source_with_its_probability() -> None:
    sources = torch.ones(4000, 3, 2, 1)
    flipped = augment(sources, replace(NONE, flip_sign=FlipSign(0.3)), AUDIO, 0, 0)
    assert (flipped == -1).double().mean((0, 2, 3)).tolist() == pytest.approx([0.3] * 3, abs=0.03)
    assert torch.equal(flipped[:, :, 0], flipped[:, :, 1])  # both channels alike
    both = (flipped[:, 0, 0] == -1) & (flipped[:, 1, 0] == -1)
    assert both.double().mean().item() == pytest.approx(0.09, abs=0.02)  # sources independently


def test_channel_swap_strikes_each_source_with_its_probability() -> None:
    sources = torch.tensor([1.0, 2.0]).reshape(1, 1, 2, 1).expand(4000, 3, 2, 3)
    swapped = augment(sources, replace(NONE, swap_channels=SwapChannels(0.25)), AUDIO, 0, 0)
    share = (swapped[:, :, 0, 0] == 2).double().mean(0)
    assert share.tolist() == pytest.approx([0.25] * 3, abs=0.03)
    assert (swapped.sum(2) == 3).all()


def test_channel_swap_leaves_mono_alone() -> None:
    sources = numbered(4, 5, channels=1)
    mono = AudioFormat(1000, 1, AUDIO.sources)
    assert torch.equal(
        augment(sources, replace(NONE, swap_channels=SwapChannels(1)), mono, 0, 0), sources
    )


def test_gain_is_uniform_between_its_bounds() -> None:
    gains = augment(torch.ones(4000, 3, 2, 1), replace(NONE, gain=Gain(0.25, 1.25)), AUDIO, 0, 0)
    assert 0.25 <= gains.min() < 0.26
    assert 1.24 < gains.max() <= 1.25
    assert gains.mean((0, 2, 3)).tolist() == pytest.approx([0.75] * 3, abs=0.02)
    assert gains.var((0, 2, 3)).tolist() == pytest.approx([1 / 12] * 3, abs=0.01)


def test_shift_is_a_crop_from_any_start_equally_often() -> None:
    sources = torch.arange(9.0).expand(9000, 3, 2, 9)
    shifted = augment(sources, replace(NONE, shift=Shift(0.004)), AUDIO, 0, 0)
    assert shifted.shape == (9000, 3, 2, 5)
    starts = shifted[:, :, 0, 0]
    assert torch.equal(shifted, starts[:, :, None, None] + torch.arange(5).expand(9000, 3, 2, 5))
    shares = torch.bincount(starts[:, 1].long(), minlength=5) / 9000
    assert shares.tolist() == pytest.approx([0.2] * 5, abs=0.02)
    assert (starts[:, 0] == starts[:, 1]).float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_remix_keeps_every_source_once_within_its_group() -> None:
    sources = numbered(12, 2)
    remixed = augment(sources, replace(NONE, remix=Remix(4)), AUDIO, 0, 0)
    assert not torch.equal(remixed, sources)
    for start in range(0, 12, 4):
        group = slice(start, start + 4)
        for k in range(3):
            order = remixed[group, k, 0, 0].argsort()
            assert torch.equal(remixed[group, k][order], sources[group, k])


def test_remix_draws_every_permutation_equally_often_and_per_source() -> None:
    sources = torch.arange(3.0).repeat(3000)[:, None, None, None].expand(9000, 3, 1, 1)
    mono = AudioFormat(1000, 1, AUDIO.sources)
    remixed = augment(sources, replace(NONE, remix=Remix(3)), mono, 0, 0)
    codes = remixed[:, :, 0, 0].reshape(3000, 3, 3)  # (group, member, source)
    permutations, counts = codes[:, :, 0].unique(dim=0, return_counts=True)
    assert len(permutations) == 6
    assert (counts / 3000).tolist() == pytest.approx([1 / 6] * 6, abs=0.025)
    together = (codes[:, :, 0] == codes[:, :, 1]).all(1).float().mean().item()
    assert together == pytest.approx(1 / 6, abs=0.025)


def test_circular_shift_turns_every_source_but_the_first_by_any_multiple_equally_often() -> None:
    sources = torch.arange(7.0).expand(9000, 3, 2, 7)
    turned = augment(sources, replace(NONE, circular_shift=CircularShift(0.003)), AUDIO, 0, 0)
    assert torch.equal(turned[:, 0], sources[:, 0])
    shifts = (-turned[:, :, 0, 0]).long() % 7  # sample 0 came from -shift, modulo 7
    for k in (1, 2):
        values, counts = shifts[:, k].unique(return_counts=True)
        assert values.tolist() == [0, 3, 6]
        assert (counts / 9000).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)
        for item in range(20):
            expected = sources[item, k].roll(int(shifts[item, k]), -1)
            assert torch.equal(turned[item, k], expected)  # both channels alike
    together = (shifts[:, 1] == shifts[:, 2]).float().mean().item()
    assert together == pytest.approx(1 / 3, abs=0.02)


EVERYTHING = Augmentation(gain=Gain(0.25, 1.25), shift=Shift(0.003), remix=Remix(4))


def test_what_is_drawn_without_a_circular_shift_is_what_has_always_been_drawn() -> None:
    """Two values as augmentation gave them before it knew of circular shifts."""
    sources = numbered(8, 8)
    found = augment(sources, EVERYTHING, AUDIO, seed=0, first_item=8)
    before = [-3248.8655806095126, -391.31409323892393]
    assert [found.sum().item(), found[5, 2, 1, 4].item()] == pytest.approx(before, rel=1e-12)


def test_an_item_is_augmented_alike_in_whatever_batch_it_falls() -> None:
    sources = numbered(24, 8)
    whole = augment(sources, EVERYTHING, AUDIO, seed=3, first_item=40)
    parts = [augment(sources[i : i + 8], EVERYTHING, AUDIO, 3, 40 + i) for i in range(0, 24, 8)]
    assert torch.equal(torch.cat(parts), whole)


def test_seed_and_place_change_the_draws() -> None:
    sources = numbered(8, 8)
    first = augment(sources, EVERYTHING, AUDIO, seed=0, first_item=0)
    assert torch.equal(augment(sources, EVERYTHING, AUDIO, 0, 0), first)
    assert not torch.equal(augment(sources, EVERYTHING, AUDIO, 1, 0), first)
    assert not torch.equal(augment(sources, EVERYTHING, AUDIO, 0, 8), first)


def test_turning_one_augmentation_off_leaves_the_others_as_they_were() -> None:
    sources = numbered(8, 8)
    on = augment(sources, EVERYTHING, AUDIO, 0, 0)
    off = augment(sources, replace(EVERYTHING, flip_sign=None), AUDIO, 0, 0)
    assert torch.equal(on.abs(), off)
    more = augment(sources, replace(EVERYTHING, circular_shift=CircularShift(0.002)), AUDIO, 0, 0)
    assert torch.equal(more[:, 0], on[:, 0])
    assert not torch.equal(more, on)
    assert torch.equal(more.sort(-1).values, on.sort(-1).values)


def test_the_order_is_shift_then_gain_then_remix() -> None:
    sources = numbered(4, 8)
    settings = replace(NONE, shift=Shift(0.003), gain=Gain(0.5, 2), remix=Remix(4))
    shifted = augment(sources, replace(settings, gain=None, remix=Remix(4)), AUDIO, 0, 0)
    both = augment(sources, settings, AUDIO, 0, 0)
    ratio = both / shifted
    assert ratio.std((2, 3)).max() < 1e-12  # one gain for a source, whichever mixture it ended in
    assert ratio.mean((2, 3)).unique().numel() == 12


@pytest.mark.parametrize(("items", "first_item"), [(6, 0), (8, 2)])
def test_a_batch_that_cuts_a_remix_group_is_refused(items: int, first_item: int) -> None:
    with pytest.raises(ValueError, match="multiples of 4, got a batch of"):
        augment(numbered(items, 8), EVERYTHING, AUDIO, 0, first_item)


def test_segments_no_longer_than_the_shift_are_refused() -> None:
    with pytest.raises(ValueError, match="longer than the shift of 3 samples, got 3"):
        augment(numbered(4, 3), EVERYTHING, AUDIO, 0, 0)


@pytest.mark.parametrize(("seconds", "samples"), [(0.005, 5), (0.0001, 0)])
def test_a_circular_shift_that_is_none_within_a_segment_is_refused(
    seconds: float, samples: int
) -> None:
    settings = replace(NONE, shift=Shift(0.003), circular_shift=CircularShift(seconds))
    message = f"circular_shift.seconds: expected .* segment's 5, got {seconds} s, {samples} samples"
    with pytest.raises(ValueError, match=message):
        augment(numbered(4, 8), settings, AUDIO, 0, 0)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"flip_sign": {"probability": 1.5}}, "augment.flip_sign.probability: expected 0"),
        ({"swap_channels": {"probability": -0.1}}, "augment.swap_channels.probability: expected"),
        ({"gain": {"low": 1.5, "high": 1}}, "augment.gain.low: expected 0 < low <= high"),
        ({"gain": {"low": 0}}, "augment.gain.low: expected 0 < low <= high, got [0.0, 1.25]"),
        ({"shift": {"seconds": -1}}, "augment.shift.seconds: expected at least 0, got -1"),
        ({"circular_shift": {"seconds": 0}}, "augment.circular_shift.seconds: expected more"),
        ({"remix": {"group": 0}}, "augment.remix.group: expected at least 1, got 0"),
        ({"flip": {}}, "augment.flip: unknown key"),
    ],
)
def test_impossible_settings_are_refused_with_the_key(section: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(Augmentation, section, "augment")


@dataclass(frozen=True)
class Mute:
    """A transform that is not in the library: silence with a probability of a half."""

    def __call__(self, sources: Tensor, chance: Chance, audio: AudioFormat) -> Tensor:
        return sources * (chance.uniform("mute") < 0.5)[:, :, None, None]


@dataclass(frozen=True)
class WithMute(Augmentation):
    mute: Mute | None = field(default_factory=Mute)


def test_a_new_transform_draws_for_itself_and_leaves_the_others_as_they_were() -> None:
    sources = numbered(800, 8)
    settings = WithMute(gain=Gain(), shift=Shift(0.003))
    plain = Augmentation(gain=Gain(), shift=Shift(0.003))
    before = augment(sources, plain, AUDIO, seed=0, first_item=0)
    muted = augment(sources, settings, AUDIO, seed=0, first_item=0)
    silent = (muted == 0).all(3).all(2)  # (B, S)
    assert silent.double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(muted[~silent], before[~silent])
    parts = [augment(sources[i : i + 400], settings, AUDIO, 0, i) for i in (0, 400)]
    assert torch.equal(torch.cat(parts), muted)


def test_the_transforms_act_in_the_order_of_their_fields() -> None:
    settings = build(Augmentation, {"remix": {}, "gain": {}, "shift": {}, "flip_sign": None})
    assert list(settings) == [Shift(), SwapChannels(), Gain(), Remix()]
    assert (settings.group, settings.reserve_seconds) == (4, 1.0)
    assert (NONE.group, NONE.reserve_seconds) == (1, 0.0)
