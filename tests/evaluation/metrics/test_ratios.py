"""The SDRs against hand values, against museval, and on real music."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from bsseval_cases import SAMPLE_RATE, agree, pair
from torch import Tensor

from gan_sep.evaluation.metrics import sdr, si_sdr, usdr


def by_museval(references: Tensor, estimates: Tensor, rate: int = SAMPLE_RATE) -> list[np.ndarray]:
    museval = pytest.importorskip("museval", exc_type=ImportError)
    signals = (each.transpose(1, 2).double().numpy() for each in (references, estimates))
    return list(museval.evaluate(*signals, win=rate, hop=rate))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_sdr_equals_museval(sources: int, channels: int) -> None:
    references, estimates = pair(sources, channels, 3 * SAMPLE_RATE + 456)
    theirs = by_museval(references, estimates)
    agree(sdr(references, estimates, SAMPLE_RATE), theirs[0], 1e-6)


@pytest.mark.slow
def test_sdr_equals_museval_with_many_sources() -> None:
    references, estimates = pair(5, 1, 2 * SAMPLE_RATE)
    agree(sdr(references, estimates, SAMPLE_RATE), by_museval(references, estimates)[0], 1e-6)


@pytest.mark.slow
def test_a_frame_with_one_silent_reference_or_estimate_is_nan_for_every_source_as_in_museval() -> (
    None
):
    references, estimates = pair(2, 2, 5 * SAMPLE_RATE)
    references[0, :, SAMPLE_RATE : 2 * SAMPLE_RATE] = 0
    estimates[1, :, 3 * SAMPLE_RATE : 4 * SAMPLE_RATE] = 0
    ours = sdr(references, estimates, SAMPLE_RATE)
    assert ours.isnan().tolist() == [[False, True, False, True, False]] * 2
    theirs = by_museval(references, estimates)
    agree(ours, theirs[0], 1e-6)


def test_channels_that_cancel_count_as_silence_as_in_museval() -> None:
    references, estimates = pair(2, 2, 2 * SAMPLE_RATE)
    references[0, 1, :SAMPLE_RATE] = -references[0, 0, :SAMPLE_RATE]
    ours = sdr(references, estimates, SAMPLE_RATE)
    assert ours[:, 0].isnan().all()
    agree(ours, by_museval(references, estimates)[0], 1e-6)


@pytest.mark.parametrize("samples", [700, SAMPLE_RATE, SAMPLE_RATE + 1, 2 * SAMPLE_RATE])
def test_short_tracks_have_museval_s_number_of_frames(samples: int) -> None:
    references, estimates = pair(2, 1, samples)
    agree(sdr(references, estimates, SAMPLE_RATE), by_museval(references, estimates)[0], 1e-6)


@pytest.mark.slow
def test_float32_signals_are_judged_in_float64() -> None:
    references, estimates = (each.float() for each in pair(2, 2, 2 * SAMPLE_RATE))
    estimates = references + 1e-4 * estimates
    agree(sdr(references, estimates, SAMPLE_RATE), by_museval(references, estimates)[0], 1e-6)


def test_a_source_silent_throughout_leaves_no_frame() -> None:
    references, estimates = pair(2, 1, 3 * SAMPLE_RATE)
    references[1] = 0
    assert sdr(references, estimates, SAMPLE_RATE).isnan().all()


def test_sdr_of_hand_made_frames() -> None:
    references = torch.tensor([[[1.0, 1.0, 2.0, 2.0, 9.0]]])
    estimates = torch.tensor([[[0.0, 1.0, 2.0, 2.2, 0.0]]])
    ratios = sdr(references, estimates, sample_rate=2)  # the fifth sample fills no frame
    expected = [[10 * math.log10(2 / 1), 10 * math.log10(8 / 0.04)]]
    np.testing.assert_allclose(ratios.numpy(), expected, rtol=0, atol=1e-5)


def test_usdr_and_si_sdr_of_hand_made_signals() -> None:
    references = torch.tensor([[3.0, 4.0]])  # one source, one channel, energy 25
    estimates = torch.tensor([[6.0, 8.0]])  # the error is the reference again
    assert usdr(references, estimates).item() == 0.0
    assert si_sdr(references, estimates).item() == math.inf
    orthogonal = torch.tensor([[3.0 - 0.4, 4.0 + 0.3]])  # adds 0.25 of energy at a right angle
    assert usdr(references, orthogonal).item() == pytest.approx(20.0, abs=1e-5)
    assert si_sdr(references, orthogonal).item() == pytest.approx(20.0, abs=1e-5)
    assert si_sdr(references, 7 * orthogonal).item() == pytest.approx(20.0, abs=1e-5)


def test_silence_in_the_whole_track_metrics() -> None:
    signal, silence = torch.ones(1, 2, 8), torch.zeros(1, 2, 8)
    assert usdr(silence, signal).isnan().all()
    assert usdr(signal, silence).tolist() == [0.0]
    assert si_sdr(silence, signal).isnan().all()
    assert si_sdr(signal, silence).isnan().all()


def test_whole_track_metrics_keep_leading_axes() -> None:
    references, estimates = pair(3, 2, 500)
    batch = torch.stack([references, 2 * references]), torch.stack([estimates, estimates])
    for metric in (usdr, si_sdr):
        assert metric(*batch).shape == (2, 3)
        assert torch.equal(metric(*batch)[0], metric(references, estimates))


@pytest.mark.parametrize("metric", [usdr, si_sdr])
def test_whole_track_metrics_refuse_other_shapes(
    metric: Callable[[Tensor, Tensor], Tensor],
) -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 10\) and \(2, 1, 11\)"):
        metric(torch.ones(2, 1, 10), torch.ones(2, 1, 11))


def test_sdr_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"differ in shape.*\(2, 1, 10\).*\(2, 1, 11\)"):
        sdr(torch.ones(2, 1, 10), torch.ones(2, 1, 11), SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\)"):
        sdr(torch.ones(2, 1, 0), torch.ones(2, 1, 0), SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\)"):
        sdr(torch.ones(2, 10), torch.ones(2, 10), SAMPLE_RATE)


@pytest.mark.slow
def test_sdr_equals_museval_on_real_music() -> None:
    root = os.environ.get("GAN_SEP_DATA")
    if not root:
        pytest.skip("GAN_SEP_DATA names no folder of real songs")
    song = min((Path(root) / "musdb18-7s" / "test").iterdir())
    stems = [soundfile.read(path, always_2d=True, frames=90_000) for path in song.iterdir()]
    rate = stems[0][1]
    references = torch.from_numpy(np.stack([audio.T for audio, _ in stems[:2]]))
    estimates = 0.7 * references + 0.1 * references.sum(0)
    agree(sdr(references, estimates, rate), by_museval(references, estimates, rate)[0], 1e-6)
