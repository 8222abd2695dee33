"""The discriminator of complex spectrograms: its input by hand, and that it gets phase."""

from typing import Any

import pytest
import torch
from scoring import scored
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.discriminators import complex_stft, multi_band, spectrogram
from gan_sep.discriminators.layers.complex_spectra import (
    VERDICT,
    complex_spectrogram,
    spectral_layers,
)
from gan_sep.discriminators.layers.convolutions import SourceChains

VOICE = AudioFormat(16000, 1, ("voice",))
N_FFT, HOP = 64, 16


def test_an_impulse_in_the_middle_of_a_frame_has_real_bins_of_alternating_sign() -> None:
    impulse = torch.zeros(1, 1, 200)
    impulse[..., 5 * HOP] = 1
    real, imaginary = complex_spectrogram(impulse, N_FFT, HOP)[0, :, 5]  # (F,) each
    expected = (8 / (3 * N_FFT)) ** 0.5 * torch.tensor([1.0, -1.0]).repeat(17)[:33]
    torch.testing.assert_close(real, expected, atol=1e-6, rtol=0)
    assert imaginary.abs().max() < 1e-6


def test_channels_keep_their_order_and_each_is_followed_by_its_imaginary_part() -> None:
    signals = torch.randn(2, 3, 300)
    together = complex_spectrogram(signals, N_FFT, HOP)  # (2, 6, N, F)
    for channel in range(3):
        alone = complex_spectrogram(signals[:, channel : channel + 1], N_FFT, HOP)
        assert torch.equal(together[:, 2 * channel : 2 * channel + 2], alone)


def test_noise_has_the_power_of_its_samples_in_every_bin_at_every_resolution() -> None:
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(1, 1, 200000)
    for n_fft in (64, 512):
        parts = complex_spectrogram(noise, n_fft, n_fft // 2)[..., 2:-2, 1:-1]
        assert parts.square().sum(1).mean().item() == pytest.approx(0.01, rel=0.03)


def test_spectra_keep_full_precision_under_autocast() -> None:
    signals = torch.randn(1, 2, 500)
    with torch.autocast("cpu", torch.bfloat16):
        inside = complex_spectrogram(signals, N_FFT, HOP)
    assert torch.equal(inside, complex_spectrogram(signals, N_FFT, HOP))


def test_a_logit_get_15_frames_and_63_bins() -> None:
    torch.manual_seed(0)
    chains = SourceChains(1, 2, spectral_layers(4, 3), VERDICT)
    spectrum = torch.randn(1, 2, 100, 513, requires_grad=True)
    logits = chains(spectrum).logits[0, 0]  # (N', F')
    (gradient,) = torch.autograd.grad(logits[len(logits) // 2, logits.shape[1] // 2], spectrum)
    _, _, frames, bins = gradient.nonzero(as_tuple=True)
    assert (int(frames.max() - frames.min()) + 1, int(bins.max() - bins.min()) + 1) == (15, 63)


def scores_of_both_polarities(config: Any) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    network, signal = config.build(VOICE), torch.randn(1, 1, 1, 2000)
    return scored(network, signal).logits, scored(network, -signal).logits


@pytest.mark.parametrize("config", [complex_stft.Config.tiny(), multi_band.Config.tiny()])
def test_a_discriminator_of_complex_spectra_get_polarity(config: Any) -> None:
    one, inverted = scores_of_both_polarities(config)
    assert (one - inverted).abs().mean() > 1e-3


def test_a_discriminator_of_magnitudes_does_not() -> None:
    one, inverted = scores_of_both_polarities(spectrogram.Config.tiny())
    torch.testing.assert_close(one, inverted)


@pytest.mark.parametrize("module", [complex_stft, multi_band])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_ffts": ()}, "n_ffts: expected one or more different numbers of at least 4"),
        ({"n_ffts": (512, 512)}, "n_ffts: expected one or more different numbers of at least 4"),
        ({"n_ffts": (2,)}, "n_ffts: expected one or more different numbers of at least 4"),
        ({"n_ffts": (510,), "hops_per_window": 4}, "expected even multiples of hops_per_window"),
        ({"n_ffts": (513,), "hops_per_window": 3}, "expected even multiples of hops_per_window"),
        ({"hops_per_window": 1}, "hops_per_window: expected at least 2, got 1"),
    ],
)
def test_impossible_resolutions_are_refused(
    module: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        module.Config(**fields)
