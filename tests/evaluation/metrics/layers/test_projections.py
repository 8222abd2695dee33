"""The projections: quick where that is exact, museval's to the bit where it is not."""

import pytest
import torch
from bsseval_cases import SAMPLE_RATE, hard_pair, pair
from torch import Tensor

from gan_sep.evaluation.metrics.layers import projections as module
from gan_sep.evaluation.metrics.layers.museval_rounding import museval_filters
from gan_sep.evaluation.metrics.layers.projections import projections


def test_broadband_music_is_solved_quickly_and_dependent_sources_as_museval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def watched(references: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(references.shape)
        return museval_filters(references, estimates)

    monkeypatch.setattr(module, "museval_filters", watched)
    projections(*pair(2, 1, 3 * SAMPLE_RATE), length=2048)
    assert not asked
    projections(*hard_pair("nearly equal", 2, 1), length=2048)
    assert len(asked) == 1


def test_projections_filter_every_frame() -> None:
    references, estimates = pair(2, 1, 3 * SAMPLE_RATE)
    project = projections(references, estimates, length=4096)
    spectra = torch.fft.rfft(references, 4096)[:, :, None]  # (S, C, 1, F)
    own, every = (torch.fft.irfft(each)[..., 0, :] for each in project(spectra))
    padded = torch.nn.functional.pad(estimates, (0, 4096 - references.shape[-1]))
    for projected, images in ((own[0], references[:1]), (every[0], references)):
        error = padded[0] - projected  # at a right angle to all that could have been taken off
        for image in images:
            leftover = torch.fft.rfft(error[0]) * torch.fft.rfft(image[0], 4096).conj()
            assert torch.fft.irfft(leftover)[:512].abs().max() < 1e-9 * padded.square().sum()
