"""The loss `artefacts` against the metric, which is held against listeners elsewhere."""

import pytest
import torch

from gan_sep.evaluation.metrics.perceptual import artefacts
from gan_sep.losses.artefacts import Config


def test_the_loss_is_minus_the_mean_of_the_metric() -> None:
    sources = 0.1 * torch.randn(2, 3, 2, 8000)
    estimates = sources + 0.05 * torch.randn(2, 3, 2, 8000)
    values = torch.stack([artefacts(*pair, 8000) for pair in zip(sources, estimates, strict=True)])
    found = Config().build(8000)(estimates, sources)
    torch.testing.assert_close(found, -values.mean(0).float(), rtol=1e-4, atol=1e-4)


def test_gain_and_other_sources_are_no_artefacts_and_noise_is() -> None:
    loss, sources = Config(sample_rate=8000), torch.randn(1, 2, 1, 8000)
    assert loss(0.5 * sources + sources.flip(1), sources).max() < 0.01
    assert loss(sources + torch.randn_like(sources), sources).min() > 1


def test_without_a_rate_it_says_so() -> None:
    signals = torch.zeros(1, 1, 1, 100)
    with pytest.raises(ValueError, match="artefacts: sample_rate: expected Hz of the signals"):
        Config()(signals, signals)
