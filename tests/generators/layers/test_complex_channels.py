"""The inverse transform of the hybrid networks, whose gradient is written out."""

import pytest
import torch
from torch.nn import functional as F

from gan_sep.generators.layers.complex_channels import waveform


@pytest.mark.parametrize("samples", [1, 7, 8, 50])
def test_the_inverse_is_that_of_torch_with_silent_frames_around(samples: int) -> None:
    frames = -(-samples // 4)  # of 16 samples, from 2 frames before the first to 2 after the last
    channels = torch.randn(2, 8, frames, 6, dtype=torch.float64)
    parts = torch.view_as_complex(channels.unflatten(3, (3, 2))).permute(0, 3, 1, 2)
    spectrum = F.pad(parts, (2, 2, 0, 1)).flatten(0, 1)  # (B * C, 9, frames + 4)
    window = torch.hann_window(16, dtype=torch.float64)
    length = 4 * frames + 12
    padded = torch.istft(spectrum, 16, 4, window=window, normalized=True, length=length)
    expected = padded[:, 6 : 6 + samples].unflatten(0, (2, 3))
    torch.testing.assert_close(waveform(channels, samples), expected)


def test_the_inverse_has_the_gradients_of_finite_differences() -> None:
    channels = torch.randn(2, 8, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: waveform(each, 11), channels)
    assert torch.autograd.gradgradcheck(lambda each: waveform(each, 11).square(), channels)
