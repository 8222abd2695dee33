"""museval's wrapping: its own numbers, its refusals turned into NaN, and its absence."""

import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval, museval_bss_eval_v3

SAMPLE_RATE = 1000


def pair(channels: int, samples: int = 2 * SAMPLE_RATE) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    references = torch.randn(2, channels, samples, generator=generator)
    noise = torch.randn(2, channels, samples, generator=generator)
    return references, references + 0.3 * references.flip(0) + 0.1 * noise


@pytest.mark.slow
def test_v4_scores_have_museval_s_frames_and_values() -> None:
    museval = pytest.importorskip("museval", exc_type=ImportError)
    references, estimates = pair(channels=2)
    signals = (each.transpose(1, 2).double().numpy() for each in (references, estimates))
    expected = museval.evaluate(*signals, win=SAMPLE_RATE, hop=SAMPLE_RATE)
    scores = museval_bss_eval(references, estimates, SAMPLE_RATE)
    for name, values in zip(("sdr", "isr", "sir", "sar"), expected, strict=True):
        np.testing.assert_array_equal(scores[name].numpy(), values)


def test_v3_scores_are_museval_s_of_the_whole_clip() -> None:
    museval = pytest.importorskip("museval", exc_type=ImportError)
    references, estimates = pair(channels=2)
    signals = (each.transpose(1, 2).double().numpy() for each in (references, estimates))
    expected = museval.metrics.bss_eval_sources(*signals, compute_permutation=False)
    scores = museval_bss_eval_v3(references, estimates)
    for name, values in zip(("sdr", "sir", "sar"), expected, strict=False):
        np.testing.assert_array_equal(scores[name].numpy(), values[:, 0])


def test_a_source_silent_throughout_is_nan_where_museval_refuses() -> None:
    references, estimates = pair(channels=1)
    estimates[1] = 0
    frame_scores = museval_bss_eval(references, estimates, SAMPLE_RATE)
    assert frame_scores["sar"].shape == (2, 2)
    assert frame_scores["sar"].isnan().all()
    clip_scores = museval_bss_eval_v3(references, estimates)
    assert clip_scores["sdr"].shape == (2,)
    assert clip_scores["sdr"].isnan().all()


def test_other_shapes_are_refused() -> None:
    references, estimates = pair(channels=1)
    with pytest.raises(ValueError, match="differ in shape"):
        museval_bss_eval_v3(references, estimates[..., 1:])
    with pytest.raises(ValueError, match="differ in shape"):
        museval_bss_eval(references, estimates[..., 1:], SAMPLE_RATE)


def test_without_museval_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "museval", None)
    with pytest.raises(ImportError, match="pip package museval and the ffmpeg binary"):
        museval_bss_eval(*pair(channels=1), SAMPLE_RATE)
