"""Resampling by two against the interpolation formula, sample by sample."""

import math

import numpy as np
import pytest
import torch
from pairs import require_equal

from gan_sep.fast.resampling import Downsample2, Upsample2, plain_downsample2, plain_upsample2


def sinc_resample(signal: np.ndarray, ratio: int, down: bool) -> np.ndarray:
    """Resampling by 2, sample by sample, straight from the interpolation formula; (T,) -> (T',)."""
    zeros, rolloff = 24, 0.945
    places = np.arange(len(signal) // ratio) * ratio if down else np.arange(len(signal) * 2) / 2
    scale = rolloff / ratio if down else rolloff
    out = []
    for place in places:
        inputs = np.arange(math.floor(place) - 60, math.floor(place) + 62)
        t = (inputs - place) * scale
        inside = np.abs(t) < zeros
        weights = np.where(inside, np.sinc(t) * np.cos(np.pi * t / (2 * zeros)) ** 2, 0)
        held = signal[np.clip(inputs, 0, len(signal) - 1)]
        out.append((weights * held).sum() / weights.sum())
    return np.array(out)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 127, 301])
def test_upsampling_is_windowed_sinc_interpolation(length: int) -> None:
    signals = torch.randn(2, 3, length, requires_grad=True)
    require_equal(Upsample2(), plain_upsample2, signals, rtol=1e-5, atol=3e-6)
    signals, result = signals.detach(), Upsample2()(signals.detach())
    assert result.shape == (2, 3, 2 * length)
    expected = sinc_resample(signals[1, 2].double().numpy(), ratio=1, down=False)
    np.testing.assert_allclose(result[1, 2].numpy(), expected, atol=3e-6)


@pytest.mark.parametrize("length", [2, 3, 127, 128, 129, 256, 401])
def test_downsampling_is_windowed_sinc_interpolation(length: int) -> None:
    signals = torch.randn(2, 3, length, requires_grad=True)
    require_equal(Downsample2(), plain_downsample2, signals, rtol=1e-5, atol=3e-6)
    signals, result = signals.detach(), Downsample2()(signals.detach())
    assert result.shape == (2, 3, length // 2)
    expected = sinc_resample(signals[1, 2].double().numpy(), ratio=2, down=True)
    np.testing.assert_allclose(result[1, 2].numpy(), expected, atol=3e-6)


def test_resampling_up_and_down_returns_a_low_tone() -> None:
    tone = torch.sin(2 * math.pi * 0.03 * torch.arange(2000.0))[None, None]
    back = Downsample2()(Upsample2()(tone))
    torch.testing.assert_close(back[..., 100:-100], tone[..., 100:-100], atol=1e-4, rtol=0)


def test_resampling_keeps_float32_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Upsample2()(torch.randn(1, 1, 90).bfloat16()).dtype == torch.float32
