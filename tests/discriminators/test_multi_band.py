"""The multi-band discriminator: bands share out the bins, and each discriminator gets its own."""

import math

import pytest
import torch
from scoring import scored

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.multi_band import Config, band_slices

VOICE = AudioFormat(16000, 1, ("voice",))
SPLITS = Config().splits


@pytest.mark.parametrize("num_bins", [33, 129, 257, 513, 1025])
def test_every_bin_lies_in_exactly_one_band(num_bins: int) -> None:
    times = torch.zeros(num_bins)
    for band in band_slices(SPLITS, num_bins):
        times[band] += 1
    assert (times == 1).all()


def test_bands_end_where_the_splits_say() -> None:
    assert band_slices((0.25, 0.5), 101) == [slice(0, 25), slice(25, 50), slice(50, 101)]
    assert band_slices((), 65) == [slice(0, 65)]


def test_a_high_tone_is_given_by_the_discriminator_of_the_high_band_alone() -> None:
    torch.manual_seed(0)
    network = Config(n_ffts=(256,), splits=(0.5,)).build(VOICE)  # below and above 4 kHz
    time = torch.arange(4096)
    # Faded in and out: what begins at once is given in every band.
    tone = torch.sin(2 * math.pi * 6000 / 16000 * time) * torch.hann_window(4096)
    low, high = scored(network, tone.reshape(1, 1, 1, -1)).logits[0, 0].chunk(2)
    quiet_low, quiet_high = scored(network, torch.zeros(1, 1, 1, 4096)).logits[0, 0].chunk(2)
    assert (low - quiet_low).abs().max() < 1e-4
    assert (high - quiet_high).abs().max() > 1e-2


@pytest.mark.parametrize("splits", [(0.5, 0.25), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_splits_that_do_not_rise_between_0_and_1_are_refused(splits: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="splits: expected rising shares between 0 and 1, got"):
        Config(splits=splits)


@pytest.mark.parametrize("splits", [(0.1, 0.101), (0.01,), (0.99,)])
def test_bands_without_a_bin_are_refused(splits: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="leave a band of an FFT of 64 samples without a bin"):
        Config(n_ffts=(1024, 64), splits=splits)
