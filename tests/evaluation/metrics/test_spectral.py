"""Distances of spectrograms against hand values, scipy's spectra, and damage of growing size."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.spectral import l1_freq, mr_stft, si_sdr_freq

RATE = 16000
METRICS = [mr_stft, l1_freq, si_sdr_freq]

Metric = Callable[[Tensor, Tensor], Tensor]


def noise(seed: int, sources: int = 2, channels: int = 2) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(sources, channels, 2 * RATE, generator=random)


def magnitudes(signals: Tensor) -> np.ndarray:
    """(..., T) -> (..., F, N), of 4096 samples every 1024, by scipy."""
    spectra = scipy.signal.stft(signals.double().numpy(), nperseg=4096, noverlap=3072)[2]
    return np.abs(spectra) * 2048  # the window's sum


@pytest.mark.parametrize("metric", [mr_stft, l1_freq])
def test_the_reference_itself_and_its_mirror_image_are_at_distance_zero(metric: Metric) -> None:
    references = noise(0)
    assert metric(references, references).tolist() == [0, 0]
    assert metric(references, -references).tolist() == [0, 0]


def test_mr_stft_of_half_the_level_is_known() -> None:
    references = noise(0)
    expected = 0.5 + math.log(2)  # convergence, and the log of the magnitudes' ratio
    assert mr_stft(references, references / 2).tolist() == pytest.approx([expected] * 2, abs=1e-4)


def test_mr_stft_hears_nothing_below_its_floor() -> None:
    references = torch.zeros(1, 1, RATE)
    references[..., RATE // 2 :] = noise(0, 1, 1)[..., : RATE // 2]
    whisper = references + 1e-7 * noise(1, 1, 1)[..., :RATE]
    assert mr_stft(references, whisper).item() < 1e-4


def test_l1_freq_equals_the_mean_of_scipy_s_differences() -> None:
    references, estimates = noise(0), noise(0) + 0.5 * noise(1)
    expected = np.abs(magnitudes(references) - magnitudes(estimates)).mean((1, 2, 3))
    np.testing.assert_allclose(l1_freq(references, estimates).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(
        l1_freq(references, 3 * references).numpy(),
        2 * magnitudes(references).mean((1, 2, 3)),
        rtol=1e-5,
    )


def test_si_sdr_freq_equals_the_ratio_of_scipy_s_magnitudes() -> None:
    references, estimates = noise(0), noise(0) + 0.5 * noise(1)
    S, E = (magnitudes(each).reshape(2, -1) for each in (references, estimates))
    target = S * ((S * E).sum(1) / (S * S).sum(1))[:, None]
    expected = 10 * np.log10((target**2).sum(1) / ((target - E) ** 2).sum(1))
    np.testing.assert_allclose(si_sdr_freq(references, estimates).numpy(), expected, atol=1e-4)


def test_si_sdr_freq_forgives_scale_and_sign() -> None:
    references, estimates = noise(0), noise(0) + 0.5 * noise(1)
    torch.testing.assert_close(
        si_sdr_freq(references, -7 * estimates), si_sdr_freq(references, estimates)
    )


def test_si_sdr_freq_of_unrelated_noise_is_that_of_rayleigh_magnitudes() -> None:
    # cos^2 of the angle: (E m n)^2 / (E m^2 E n^2), and (E m)^2 / E m^2 is pi / 4.
    share = (math.pi / 4) ** 2
    expected = 10 * math.log10(share / (1 - share))  # 2.07 dB
    assert si_sdr_freq(noise(0), noise(1)).tolist() == pytest.approx([expected] * 2, abs=0.1)


def hum(signals: Tensor, amount: float) -> Tensor:
    seconds = torch.arange(signals.shape[-1]) / RATE
    return signals + 0.1 * amount * (2 * math.pi * 50 * seconds).sin()


def low_pass(signals: Tensor, amount: float) -> Tensor:
    spectra = torch.fft.rfft(signals)
    spectra[..., int((1 - 0.5 * amount) * spectra.shape[-1]) :] *= 0.01
    return torch.fft.irfft(spectra)


def remove_attack(signals: Tensor, amount: float) -> Tensor:
    fade = torch.ones(signals.shape[-1])
    fade[: int(0.5 * amount * RATE)] = 0.01
    return fade * signals


@pytest.mark.parametrize("damage", [hum, low_pass, remove_attack])
@pytest.mark.parametrize("metric", METRICS)
def test_more_damage_is_further_away(
    metric: Metric, damage: Callable[[Tensor, float], Tensor]
) -> None:
    references = noise(0, 1, 1)
    sign = -1 if metric is si_sdr_freq else 1
    near, far = (sign * metric(references, damage(references, share)) for share in (0.3, 1.0))
    assert far > near
    assert sign * metric(references, references) < near


@pytest.mark.parametrize("metric", METRICS)
def test_sources_do_not_hear_each_other(metric: Metric) -> None:
    references, estimates = noise(0), noise(0) + 0.5 * noise(1)
    both = metric(references, estimates)
    assert both.shape == (2,)
    assert both.dtype == torch.float64
    assert torch.equal(both[1:], metric(references[1:], estimates[1:]))


def test_silence() -> None:
    signals, silence = noise(0), torch.zeros_like(noise(0))
    assert mr_stft(silence, signals).isnan().all()
    assert si_sdr_freq(silence, signals).isnan().all()
    assert si_sdr_freq(signals, silence).isnan().all()
    assert (mr_stft(signals, silence) > 1).all()
    torch.testing.assert_close(l1_freq(silence, signals), l1_freq(signals, silence))


@pytest.mark.parametrize("metric", METRICS)
def test_other_shapes_are_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match=r"differ in shape: \(2, 2, 32000\) and \(2, 2, 31999\)"):
        metric(noise(0), noise(0)[..., 1:])
    with pytest.raises(ValueError, match=r"non-empty \(S, C, T\)"):
        metric(noise(0)[0], noise(0)[0])
