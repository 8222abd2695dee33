"""The STFT pair, the scale of powers, and decibels on silence."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan_sep.spectra import decibels, istft, magnitude_spectrogram, power_spectrogram, stft


@pytest.mark.parametrize("num_samples", [1, 7, 255, 256, 257, 1000, 4099])
@pytest.mark.parametrize(("n_fft", "hop"), [(256, 64), (256, 100), (256, 128), (1024, 256)])
def test_the_inverse_restores_a_signal_of_any_length(
    num_samples: int, n_fft: int, hop: int
) -> None:
    signal = torch.randn(2, 3, num_samples, dtype=torch.float64)
    restored = istft(stft(signal, n_fft, hop), hop, num_samples)
    assert restored.shape == signal.shape
    torch.testing.assert_close(restored, signal, atol=1e-9, rtol=0)


def test_a_frame_is_the_windowed_fourier_sum_around_its_sample() -> None:
    n_fft, hop, frame, bin_ = 16, 8, 3, 5
    signal = torch.randn(64, dtype=torch.float64)
    total = 0j
    for i in range(n_fft):
        window = 0.5 - 0.5 * math.cos(2 * math.pi * i / n_fft)
        angle = -2 * math.pi * bin_ * i / n_fft
        sample = signal[frame * hop - n_fft // 2 + i].item()
        total += window * sample * complex(math.cos(angle), math.sin(angle))
    assert stft(signal, n_fft, hop)[bin_, frame].item() == pytest.approx(total, abs=1e-12)


def test_frames_are_one_more_than_the_hops_begun() -> None:
    assert stft(torch.zeros(2, 800), 256, 100).shape == (2, 129, 9)
    assert stft(torch.zeros(2, 801), 256, 100).shape == (2, 129, 10)


def test_half_precision_is_computed_in_single_precision() -> None:
    signal = torch.randn(2, 500).bfloat16()
    assert torch.equal(stft(signal, 256, 64), stft(signal.float(), 256, 64))


def test_a_sine_of_amplitude_one_has_zero_decibels_at_its_bin() -> None:
    time = torch.arange(8192, dtype=torch.float64)
    sine = torch.sin(2 * math.pi * 32 / 512 * time)
    power = power_spectrogram(sine, 512, 128)[:, 10:-10]  # (F, N)
    torch.testing.assert_close(power[32], torch.ones_like(power[32]))
    assert power.argmax(0).unique().tolist() == [32]


def test_decibels_of_known_powers() -> None:
    levels = decibels(torch.tensor([0.0, 1e-8, 1e-2, 1.0], dtype=torch.float64), floor_db=-80)
    assert levels.tolist() == pytest.approx([-80, -80 + 10 * math.log10(2), -20, 0], abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-6, 1.0])
def test_the_gradient_of_decibels_is_finite_at_any_level(level: float) -> None:
    signal = (level * torch.randn(1000)).requires_grad_()
    decibels(power_spectrogram(signal, 256, 64)).sum().backward()
    assert signal.grad is not None
    assert torch.isfinite(signal.grad).all()
    assert (signal.grad.abs().max() == 0) == (level == 0)


@pytest.mark.parametrize("transform", [power_spectrogram, magnitude_spectrogram])
def test_a_graph_that_is_kept_gives_its_gradient_twice(transform: Callable[..., Tensor]) -> None:
    signal = torch.randn(500, requires_grad=True)
    total = transform(signal, 64, 16).square().sum()
    first, second = (torch.autograd.grad(total, signal, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("n_fft", "hop", "message"),
    [(255, 64, "n_fft: expected an even"), (256, 0, "hop: expected"), (256, 129, "hop: expected")],
)
def test_impossible_frames_are_refused(n_fft: int, hop: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stft(torch.zeros(1000), n_fft, hop)


def test_a_signal_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        stft(torch.zeros(2, 0), 256, 64)


def test_a_spectrum_that_does_not_fit_the_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2000 samples at hop 64 make 33 frames, got 17"):
        istft(stft(torch.zeros(1000), 256, 64), 64, 2000)
