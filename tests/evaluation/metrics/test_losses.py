"""Losses as metrics: the very values of the losses, and none where there is nothing to measure."""

import math

import pytest
import torch

from gan_sep.config.loader import Component
from gan_sep.evaluation.metrics import METRICS
from gan_sep.losses.l2_freq import Config as L2Freq
from gan_sep.losses.logl2_time import Config as LogL2Time

NAMES = [name for name in Component("losses").names() if name not in ("artefacts", "deep_feature")]


def test_every_loss_is_a_metric_that_is_better_lower() -> None:
    for name in NAMES:
        metric = METRICS[f"loss_{name}"]
        assert not metric.higher_is_better
        assert metric.average == "mean"


def test_a_metric_has_the_value_of_its_loss_and_silence_has_none() -> None:
    generator = torch.Generator().manual_seed(0)
    references, estimates = torch.randn(2, 3, 2, 9000, generator=generator).unbind()
    for name, loss in {"l2_freq": L2Freq(), "logl2_time": LogL2Time()}.items():
        found = METRICS[f"loss_{name}"].function(references, estimates, 16000)
        torch.testing.assert_close(found, loss(estimates[None], references[None]))
    references[1] = 0
    found = METRICS["loss_logl2_time"].function(references, estimates, 16000)
    assert found.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("name", NAMES)
def test_a_worse_estimate_has_a_higher_value(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    references, noise = torch.randn(2, 2, 1, 9000, generator=generator).unbind()
    near, far = (
        METRICS[f"loss_{name}"].function(references, references + share * noise, 16000)
        for share in (0.1, 1.0)
    )
    assert (near < far).all()


@pytest.mark.parametrize("name", ["psa", "l1_mask", "l2_mask", "dissimilarity"])
def test_what_compares_sources_has_no_value_for_one(name: str) -> None:
    signal = torch.ones(1, 1, 9000)
    assert math.isnan(METRICS[f"loss_{name}"].function(signal, signal, 16000).item())
