"""The SDRs against hand values, against museval, and on real music."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from gan_sep.evaluation.metrics import bss_eval, sdr, si_sdr, usdr

SAMPLE_RATE = 1000


def pair(sources: int, channels: int, samples: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """References of different loudness in one rhythm, and leaky, filtered, noisy estimates."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sources, channels, samples)
    references = torch.randn(shape, generator=generator, dtype=torch.float64)
    references *= torch.linspace(0.1, 1, sources, dtype=torch.float64)[:, None, None]
    references *= torch.linspace(0, 20, samples, dtype=torch.float64).sin().square()
    leak = 0.2 * (references.sum(0) - references) + 0.1 * references.roll(3, -1)
    noise = 0.05 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return references, 0.8 * references + leak + noise


def by_museval(references: Tensor, estimates: Tensor, rate: int = SAMPLE_RATE) -> list[np.ndarray]:
    museval = pytest.importorskip("museval", exc_type=ImportError)
    signals = (each.transpose(1, 2).double().numpy() for each in (references, estimates))
    return list(museval.evaluate(*signals, win=rate, hop=rate))


def agree(ours: Tensor, theirs: np.ndarray, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=tolerance)  # NaN equals NaN


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_sdr_and_bss_eval_equal_museval(sources: int, channels: int) -> None:
    references, estimates = pair(sources, channels, 3 * SAMPLE_RATE + 456)
    theirs = by_museval(references, estimates)
    agree(sdr(references, estimates, SAMPLE_RATE), theirs[0], 1e-6)
    ours = bss_eval(references, estimates, SAMPLE_RATE)
    for name, values in zip(("sdr", "isr", "sir", "sar"), theirs, strict=True):
        agree(ours[name], values, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("sources", [4, 6])
def test_sdr_equals_museval_with_many_sources(sources: int) -> None:
    references, estimates = pair(sources, 1, 4 * SAMPLE_RATE)
    agree(sdr(references, estimates, SAMPLE_RATE), by_museval(references, estimates)[0], 1e-6)


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
    agree(bss_eval(references, estimates, SAMPLE_RATE)["sir"], theirs[2], 1e-3)


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


def test_float32_signals_are_judged_in_float64() -> None:
    references, estimates = (each.float() for each in pair(2, 2, 2 * SAMPLE_RATE))
    estimates = references + 1e-4 * estimates
    agree(sdr(references, estimates, SAMPLE_RATE), by_museval(references, estimates)[0], 1e-6)


def test_bss_eval_with_a_silent_channel_equals_museval() -> None:
    references, estimates = pair(2, 2, 2 * SAMPLE_RATE)
    references[0, 1] = 0
    ours = bss_eval(references, estimates, SAMPLE_RATE)
    for name, values in zip(
        ("sdr", "isr", "sir", "sar"), by_museval(references, estimates), strict=True
    ):
        agree(ours[name], values, 1e-3)


def test_bss_eval_of_a_mono_song_in_two_equal_channels_is_that_of_the_mono_song() -> None:
    references, estimates = pair(2, 1, 2 * SAMPLE_RATE)
    expected = bss_eval(references, estimates, SAMPLE_RATE)
    stereo = bss_eval(references.expand(2, 2, -1), estimates.expand(2, 2, -1), SAMPLE_RATE)
    for name, values in stereo.items():
        agree(values, expected[name].numpy(), 1e-3)


def test_bss_eval_sums_correlations_over_many_blocks_exactly() -> None:
    rate = 150_000
    references, estimates = pair(1, 2, 2 * rate)
    ours = bss_eval(references, estimates, rate)
    for name, values in zip(
        ("isr", "sar"), by_museval(references, estimates, rate)[1::2], strict=True
    ):
        agree(ours[name], values, 1e-3)


def test_a_source_silent_throughout_leaves_no_frame() -> None:
    references, estimates = pair(2, 1, 3 * SAMPLE_RATE)
    references[1] = 0
    assert sdr(references, estimates, SAMPLE_RATE).isnan().all()
    scores = bss_eval(references, estimates, SAMPLE_RATE)
    assert all(scores[name].shape == (2, 3) for name in ("sdr", "isr", "sir", "sar"))
    assert all(values.isnan().all() for values in scores.values())


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
def test_whole_track_metrics_refuse_other_shapes(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"\(2, 1, 10\) and \(2, 1, 11\)"):
        metric(torch.ones(2, 1, 10), torch.ones(2, 1, 11))


@pytest.mark.parametrize("metric", [sdr, bss_eval])
def test_frame_metrics_refuse_other_shapes(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"differ in shape.*\(2, 1, 10\).*\(2, 1, 11\)"):
        metric(torch.ones(2, 1, 10), torch.ones(2, 1, 11), SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\)"):
        metric(torch.ones(2, 1, 0), torch.ones(2, 1, 0), SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\)"):
        metric(torch.ones(2, 10), torch.ones(2, 10), SAMPLE_RATE)


@pytest.mark.slow
def test_sdr_equals_museval_on_real_music() -> None:
    root = os.environ.get("GAN_SEP_DATA")
    if root is None:
        pytest.skip("GAN_SEP_DATA names no folder of real songs")
    song = min((Path(root) / "musdb18-7s" / "test").iterdir())
    stems = [soundfile.read(path, always_2d=True, frames=90_000) for path in song.iterdir()]
    rate = stems[0][1]
    references = torch.from_numpy(np.stack([audio.T for audio, _ in stems[:2]]))
    estimates = 0.7 * references + 0.1 * references.sum(0)
    agree(sdr(references, estimates, rate), by_museval(references, estimates, rate)[0], 1e-6)
