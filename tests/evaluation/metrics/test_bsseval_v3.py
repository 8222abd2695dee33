"""BSSEval v3 against museval's v3 and against projections written out."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from bsseval_cases import HARD, agree, hard_pair, pair
from torch import Tensor

from gan_sep.evaluation.metrics.bsseval import bss_eval
from gan_sep.evaluation.metrics.bsseval_v3 import bss_eval_v3
from gan_sep.evaluation.metrics.museval_itself import museval_bss_eval_v3
from gan_sep.evaluation.references import oracle_estimates

NAMES = ("sdr", "sir", "sar")


def agrees_with_museval(references: Tensor, estimates: Tensor) -> None:
    pytest.importorskip("museval", exc_type=ImportError)
    ours, theirs = bss_eval_v3(references, estimates), museval_bss_eval_v3(references, estimates)
    assert tuple(ours) == NAMES
    for name in NAMES:
        agree(ours[name], theirs[name], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sources", [1, 2, 3])
def test_equals_museval(sources: int, channels: int) -> None:
    agrees_with_museval(*pair(sources, channels, 3456))


@pytest.mark.slow
@pytest.mark.parametrize("case", HARD)
def test_equals_museval_on_dependent_and_empty_references(case: str) -> None:
    agrees_with_museval(*hard_pair(case, 2, 2))


@pytest.mark.parametrize("samples", [40, 511, 1300])
def test_clips_shorter_than_the_filters_equal_museval(samples: int) -> None:
    agrees_with_museval(*pair(2, 1, samples))


@pytest.mark.parametrize("samples", [65025 - 511, 65025 - 510, 150_000])
def test_clips_of_several_blocks_equal_museval(samples: int) -> None:
    agrees_with_museval(*pair(2, 1, samples))


@pytest.mark.slow
def test_equals_projections_computed_on_explicitly_delayed_signals() -> None:
    references, estimates = pair(2, 1, 2000)
    scores = bss_eval_v3(references, estimates)
    padded = np.pad(references[:, 0].numpy(), [(0, 0), (0, 511)])
    delayed = np.stack([[np.roll(image, lag) for lag in range(512)] for image in padded])
    for source in range(2):
        estimate = np.pad(estimates[source, 0].numpy(), (0, 511))
        own, every = (
            basis.T @ np.linalg.lstsq(basis.T, estimate, rcond=None)[0]
            for basis in (delayed[source], delayed.reshape(1024, -1))
        )
        pairs = {
            "sdr": (own, estimate - own),
            "sir": (own, every - own),
            "sar": (every, estimate - every),
        }
        for name, (signal, error) in pairs.items():
            expected = 10 * math.log10(np.sum(signal**2) / np.sum(error**2))
            assert scores[name][source].item() == pytest.approx(expected, abs=1e-6)


def test_a_filtered_source_loses_nothing() -> None:
    references, _ = pair(2, 1, 2000)
    references[..., -5:] = 0  # the echo ends inside the clip
    estimates = references + 0.5 * references.roll(5, -1)
    assert (bss_eval_v3(references, estimates)["sdr"] > 150).all()
    assert (bss_eval(references, estimates, 2000)["isr"] < 20).all()  # unlike in v4


@pytest.mark.parametrize("which", ["references", "estimates"])
def test_a_source_silent_throughout_is_nan_for_every_source(which: str) -> None:
    references, estimates = pair(2, 1, 2000)
    (references if which == "references" else estimates)[1] = 0
    for values in bss_eval_v3(references, estimates).values():
        assert values.shape == (2,)
        assert values.isnan().all()


def test_what_is_no_pair_of_finite_signals_is_refused() -> None:
    references, estimates = pair(2, 1, 2000)
    with pytest.raises(ValueError, match="differ in shape"):
        bss_eval_v3(references, estimates[..., 1:])
    estimates[1, 0, 3] = torch.inf
    with pytest.raises(ValueError, match=r"estimates hold NaN.* 1 places.* sample 3"):
        bss_eval_v3(references, estimates)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="compares the CPU with a GPU")
def test_a_gpu_scores_as_the_cpu() -> None:
    references, estimates = pair(2, 2, 3456)
    expected = bss_eval_v3(references, estimates)
    for name, values in bss_eval_v3(references.cuda(), estimates.cuda()).items():
        assert values.is_cuda
        agree(values.cpu(), expected[name], 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("estimate", ["mixture", "ibm1"])
def test_equals_museval_on_a_clip_of_mir_1k(estimate: str) -> None:
    root = os.environ.get("GAN_SEP_DATA")
    if not root:
        pytest.skip("GAN_SEP_DATA names no folder of real clips")
    clip = min((Path(root) / "mir-1k" / "Wavfile").iterdir())
    audio, _ = soundfile.read(clip, dtype="float32")
    references = torch.from_numpy(audio.T)[:, None]  # music and voice, (2, 1, T)
    mixture = references.sum(0, keepdim=True).expand_as(references)
    oracle = oracle_estimates(references, "ibm1")
    agrees_with_museval(references, mixture if estimate == "mixture" else oracle)
