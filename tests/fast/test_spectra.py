"""Transforms whose gradients are written out, against torch.stft."""

import pytest
import torch
from pairs import require_equal

from gan_sep.fast import spectra
from gan_sep.fast.spectra import (
    absolute,
    magnitude,
    overlap_add,
    plain_absolute,
    plain_magnitude,
    plain_overlap_add,
    plain_power,
    plain_spectrum,
    power,
    spectrum,
)


@pytest.mark.parametrize("before", [(), (2, 3)])
@pytest.mark.parametrize("frames", [1, 2, 30])
@pytest.mark.parametrize(("n_fft", "hop"), [(16, 4), (16, 3), (16, 8), (8, 3)])
def test_values_and_both_gradients_are_those_of_torchs_transform(
    before: tuple[int, ...], frames: int, n_fft: int, hop: int
) -> None:
    torch.manual_seed(0)
    shape = *before, n_fft + (frames - 1) * hop
    signal = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    require_equal(spectrum, plain_spectrum, signal, n_fft, hop, second=True)
    require_equal(power, plain_power, signal, n_fft, hop, second=True)
    require_equal(magnitude, plain_magnitude, signal, n_fft, hop, 0.3, second=True)
    require_equal(absolute, plain_absolute, spectrum(signal, n_fft, hop).detach())


@pytest.mark.parametrize("shape", [(1024,), (2, 3, 1024)])
def test_frames_are_the_same_to_the_bit_however_many_at_once(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = torch.randn(shape)
    together = spectrum(signal, 64, 16)
    monkeypatch.setattr(spectra, "_AT_ONCE", 640)
    assert torch.equal(spectrum(signal, 64, 16), together)


def test_magnitudes_of_silence_have_no_gradient() -> None:
    require_equal(magnitude, plain_magnitude, torch.zeros(512, requires_grad=True), 64, 16, 1.0)


@pytest.mark.parametrize("hop", [3, 4, 8])
def test_frames_add_up_where_they_overlap(hop: int) -> None:
    frames = torch.randn(2, 3, 5, 8, dtype=torch.float64, requires_grad=True)
    require_equal(overlap_add, plain_overlap_add, frames, hop, 4 * hop + 7, second=True)
    require_equal(overlap_add, plain_overlap_add, frames[0, 0].detach(), hop, 4 * hop + 8)
