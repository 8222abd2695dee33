"""The loss of log spectrograms at several resolutions, against values by hand."""

import math

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from gan_sep.losses.multi_resolution import Config


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_half_as_loud_is_six_decibels_away_at_every_resolution() -> None:
    sources = noise(2, 3, 1, 4000)
    six = 20 * math.log10(2)
    loss = Config(n_ffts=(64, 256)).build()(sources / 2, sources)
    assert loss.tolist() == pytest.approx([six] * 3, abs=1e-2)


def test_the_distance_is_that_of_scipys_spectrograms() -> None:
    signals = noise(2, 1, 1, 1, 640)

    def levels(signal: Tensor) -> np.ndarray:
        hann = scipy.signal.get_window("hann", 64)
        stft = scipy.signal.ShortTimeFFT(hann, hop=16, fs=1, scale_to="magnitude")
        whole_hops = stft.stft(signal.flatten().numpy(), p0=0, p1=41)
        return 10 * np.log10(np.abs(2 * whole_hops) ** 2 + 1e-8)

    estimate, source = (levels(signal) for signal in signals)
    expected = np.abs(estimate - source).mean()
    assert Config().at(64, signals[0], signals[1]).item() == pytest.approx(expected, rel=1e-6)


def test_windows_weigh_alike() -> None:
    estimates, sources = noise(2, 2, 3, 1, 2000)
    both = Config(n_ffts=(64, 512)).build()(estimates, sources)
    each = [Config(n_ffts=(n,)).build()(estimates, sources) for n in (64, 512)]
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)


def test_it_is_zero_on_equal_input_and_has_no_gradient_on_silence() -> None:
    sources = noise(1, 2, 1, 1000)
    loss = Config().build()
    assert loss(sources, sources).tolist() == [0, 0]
    silent = torch.zeros(1, 2, 1, 1000, requires_grad=True)
    loss(silent, torch.zeros(1, 2, 1, 1000)).sum().backward()
    assert silent.grad is not None
    assert not silent.grad.any()


def test_sources_have_losses_of_their_own() -> None:
    estimates, sources = noise(2, 1, 2, 1, 1000)
    loss = Config().build()
    alone = torch.cat([loss(estimates[:, [k]], sources[:, [k]]) for k in (0, 1)])
    torch.testing.assert_close(loss(estimates, sources), alone)


def test_half_precision_does_not_reach_it() -> None:
    estimates, sources = noise(2, 1, 2, 1, 1000).float()
    expected = Config().build()(estimates, sources)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Config().build()(estimates, sources), expected)


def test_settings_without_meaning_are_refused() -> None:
    for n_ffts in ((), (256, 30)):
        with pytest.raises(ValueError, match="n_ffts: expected one or more multiples of 4"):
            Config(n_ffts=n_ffts)
    with pytest.raises(ValueError, match=r"expected estimates and sources of one shape"):
        Config().build()(torch.zeros(1, 2, 1, 1000), torch.zeros(1, 1, 1, 1000))
