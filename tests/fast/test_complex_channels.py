"""The transforms of the hybrid networks against torch.stft and torch.istft."""

import pytest
import torch
from pairs import require_equal

from gan_sep.fast.complex_channels import (
    plain_spectrogram,
    plain_waveform,
    spectrogram,
    waveform,
)


@pytest.mark.parametrize("samples", [1, 7, 8, 50])
@pytest.mark.parametrize("n_fft", [16, 20])
def test_both_ways_are_torchs_with_reflection_or_silent_frames_around(
    samples: int, n_fft: int
) -> None:
    torch.manual_seed(0)
    signal = torch.randn(2, 3, samples, dtype=torch.float64, requires_grad=True)
    require_equal(spectrogram, plain_spectrogram, signal, n_fft, second=True)
    channels = torch.randn_like(spectrogram(signal, n_fft)).requires_grad_()
    require_equal(waveform, plain_waveform, channels, samples, second=True)
