"""BSSEval v4 against museval: every metric, on every frame, easy and hard."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from bsseval_cases import HARD, SAMPLE_RATE, agree, hard_pair, pair
from torch import Tensor

from gan_sep.evaluation.metrics.bsseval import bss_eval, plain_bss_eval
from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval
from gan_sep.evaluation.references import oracle_estimates

NAMES = ("sdr", "isr", "sir", "sar")


def agrees_with_museval(references: Tensor, estimates: Tensor, rate: int = SAMPLE_RATE) -> None:
    pytest.importorskip("museval", exc_type=ImportError)
    ours = bss_eval(references, estimates, rate)
    theirs = museval_bss_eval(references, estimates, rate)
    assert tuple(ours) == NAMES
    for name in NAMES:
        agree(ours[name], theirs[name], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_equals_museval_and_drops_the_short_last_frame(sources: int, channels: int) -> None:
    agrees_with_museval(*pair(sources, channels, 3 * SAMPLE_RATE + 456))


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "channels"), [(4, 1), (5, 1), (6, 1), (4, 2)])
def test_equals_museval_with_many_sources(sources: int, channels: int) -> None:
    agrees_with_museval(*pair(sources, channels, 2 * SAMPLE_RATE))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("case", HARD)
def test_equals_museval_on_dependent_and_empty_references(case: str, channels: int) -> None:
    if (case, channels) != ("a silent channel", 1):  # that is a silent source
        agrees_with_museval(*hard_pair(case, 2, channels))


def test_silent_frames_are_nan_as_in_museval() -> None:
    references, estimates = pair(2, 2, 5 * SAMPLE_RATE)
    references[0, :, SAMPLE_RATE : 2 * SAMPLE_RATE] = 0
    estimates[1, :, 3 * SAMPLE_RATE : 4 * SAMPLE_RATE] = 0
    silent = bss_eval(references, estimates, SAMPLE_RATE)["sir"].isnan()
    assert silent.tolist() == [[False, True, False, True, False]] * 2
    agrees_with_museval(references, estimates)


@pytest.mark.parametrize("which", ["references", "estimates"])
def test_a_source_silent_throughout_leaves_no_frame(which: str) -> None:
    references, estimates = pair(2, 1, 3 * SAMPLE_RATE)
    (references if which == "references" else estimates)[1] = 0
    scores = bss_eval(references, estimates, SAMPLE_RATE)
    assert all(scores[name].shape == (2, 3) for name in NAMES)
    assert all(scores[name].isnan().all() for name in NAMES)


def test_exact_estimates_have_no_error() -> None:
    references, _ = pair(2, 2, 2 * SAMPLE_RATE)
    agrees_with_museval(references, references.clone())
    assert bss_eval(references, references, SAMPLE_RATE)["sdr"].isposinf().all()


def test_of_one_source_nothing_interferes() -> None:
    references, estimates = pair(1, 2, 2 * SAMPLE_RATE)
    assert bss_eval(references, estimates, SAMPLE_RATE)["sir"].isposinf().all()


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("samples", [40, 511, 700, SAMPLE_RATE, SAMPLE_RATE + 1])
def test_tracks_shorter_than_filters_and_windows_equal_museval(sources: int, samples: int) -> None:
    agrees_with_museval(*pair(sources, 1, samples))


def test_float32_signals_are_judged_in_float64() -> None:
    references, estimates = (each.float() for each in pair(2, 2, 2 * SAMPLE_RATE))
    agrees_with_museval(references, references + 1e-4 * estimates)


def test_a_mono_song_in_two_equal_channels_scores_as_the_mono_song() -> None:
    references, estimates = pair(2, 1, 2 * SAMPLE_RATE)
    expected = bss_eval(references, estimates, SAMPLE_RATE)
    stereo = bss_eval(references.expand(2, 2, -1), estimates.expand(2, 2, -1), SAMPLE_RATE)
    for name, values in stereo.items():
        agree(values, expected[name], 1e-3)


def test_what_is_no_pair_of_finite_signals_is_refused() -> None:
    with pytest.raises(ValueError, match=r"differ in shape.*\(2, 1, 10\).*\(2, 1, 11\)"):
        bss_eval(torch.ones(2, 1, 10), torch.ones(2, 1, 11), SAMPLE_RATE)
    with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\)"):
        bss_eval(torch.ones(2, 10), torch.ones(2, 10), SAMPLE_RATE)
    broken = torch.ones(2, 2, 10)
    broken[1, 0, 7:9] = torch.nan
    with pytest.raises(ValueError, match=r"estimates hold NaN.* 2 places.* source 1, channel 0"):
        bss_eval(torch.ones(2, 2, 10), broken, SAMPLE_RATE)
    with pytest.raises(ValueError, match="references hold NaN or inf at 4 places"):
        bss_eval(torch.full((2, 1, 2), torch.inf), torch.ones(2, 1, 2), SAMPLE_RATE)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="compares the CPU with a GPU")
@pytest.mark.parametrize("case", ["sixteen bits of a band", "nearly equal"])
def test_a_gpu_scores_as_the_cpu(case: str) -> None:
    references, estimates = hard_pair(case, 2, 2)
    expected = bss_eval(references, estimates, SAMPLE_RATE)
    for name, values in bss_eval(references.cuda(), estimates.cuda(), SAMPLE_RATE).items():
        assert values.is_cuda
        agree(values.cpu(), expected[name], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
def test_equals_museval_on_a_real_song(channels: int) -> None:
    root = os.environ.get("GAN_SEP_DATA")
    if not root:
        pytest.skip("GAN_SEP_DATA names no folder of real songs")
    song = min((Path(root) / "musdb18-7s" / "test").iterdir())
    stems = [
        soundfile.read(path, always_2d=True, frames=90_000, dtype="float32")
        for path in sorted(song.iterdir())
    ]
    rate = stems[0][1]
    references = torch.from_numpy(np.stack([audio.T[:channels] for audio, _ in stems]))
    references = references if channels == 1 else references[1:3]
    agrees_with_museval(references, oracle_estimates(references, "irm1"), rate)


@pytest.mark.slow
def test_the_quick_way_equals_the_plain_one() -> None:
    references, estimates = (each[..., :2400] for each in pair(2, 2, 3 * SAMPLE_RATE))
    plain = plain_bss_eval(references, estimates, window=800)
    quick = torch.stack(list(bss_eval(references, estimates, sample_rate=800).values()))
    assert plain.shape == (4, 2, 3)
    torch.testing.assert_close(quick, plain, rtol=0, atol=1e-6)
