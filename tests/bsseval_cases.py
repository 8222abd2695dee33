"""Signals to judge by BSSEval, easy and hard, and how results are compared with museval's."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 1000


def pair(sources: int, channels: int, samples: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """References of different loudness in one rhythm, and leaky, filtered, noisy estimates."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sources, channels, samples)
    references = torch.randn(shape, generator=generator, dtype=torch.float64)
    references *= torch.linspace(0.1, 1, sources, dtype=torch.float64)[:, None, None]
    references *= torch.linspace(0, 20, samples, dtype=torch.float64).sin().square()
    return references, leaky(references)


def leaky(references: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(99)
    noise = 0.05 * torch.randn(references.shape, generator=generator, dtype=torch.float64)
    leak = 0.2 * (references.sum(0) - references) + 0.1 * references.roll(3, -1)
    return 0.8 * references + leak + noise


def agree(ours: Tensor, theirs: np.ndarray | Tensor, tolerance: float) -> None:
    """Equal within so many dB, NaN to NaN; what lies beyond 150 dB is rounding error in both."""
    assert ours.shape == theirs.shape
    found, expected = (np.minimum(np.asarray(each), 150) for each in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)  # NaN equals NaN


def _nearly_equal(references: Tensor) -> None:
    references[1] = references[0] + 1e-9 * references[1]


def _filtered_copy(references: Tensor) -> None:
    references[0, :, -7:] = 0  # so that the filter rings out inside the track
    references[1] = 0.5 * references[0] - 0.3 * references[0].roll(7, -1)


def _band_limited(references: Tensor) -> None:
    spectra = torch.fft.rfft(references)
    spectra[..., spectra.shape[-1] // 2 :] = 0
    references.copy_(torch.fft.irfft(spectra, references.shape[-1]))


def _sixteen_bits_of_a_band(references: Tensor) -> None:
    _band_limited(references)
    references.copy_((references * 2**15).round() / 2**15)


def _a_silent_channel(references: Tensor) -> None:
    references[0, -1] = 0


NEARLY_SINGULAR: dict[str, Callable[[Tensor], None]] = {
    "nearly equal": _nearly_equal,
    "filtered copy": _filtered_copy,
    "band-limited": _band_limited,
}
HARD: dict[str, Callable[[Tensor], None]] = {
    **NEARLY_SINGULAR,
    "sixteen bits of a band": _sixteen_bits_of_a_band,
    "a silent channel": _a_silent_channel,
}


def hard_pair(case: str, sources: int, channels: int) -> tuple[Tensor, Tensor]:
    """The named case, two and a half seconds of it."""
    references, _ = pair(sources, channels, 5 * SAMPLE_RATE // 2)
    HARD[case](references)
    return references, leaky(references)
