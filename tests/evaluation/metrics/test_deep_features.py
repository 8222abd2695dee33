"""The distance of features of a track."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from gan_sep.evaluation import metrics
from gan_sep.evaluation.metrics import base
from gan_sep.evaluation.metrics.deep_features import feature_distance
from gan_sep.features import music_vgg

RATE = 16000


@pytest.mark.skipif(find_spec("musicnn") is None, reason="pip install --no-deps musicnn==0.1.0")
def test_it_is_the_relative_distance_of_maps_in_numpy_and_0_at_equality() -> None:
    generator = torch.Generator().manual_seed(0)
    references, noise = torch.randn(2, 3, 2, 2 * RATE, generator=generator).unbind()
    references[2] = 0
    estimates = references + 0.3 * noise
    found = feature_distance(references, estimates, RATE)
    network = music_vgg.Config().build()
    for source in range(2):
        maps = [network(x[source][None], RATE) for x in (references, estimates)]
        pairs = [[each.double().numpy() for each in pair] for pair in zip(*maps, strict=True)]
        expected = np.mean([((e - s) ** 2).sum() / (s**2).sum() for s, e in pairs])
        assert found[source].item() == pytest.approx(expected, rel=1e-4)
    assert found[2].isnan()
    assert (feature_distance(references, references, RATE)[:2] == 0).all()


def test_what_names_it_is_refused_without_musicnn_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "find_spec", lambda _: None)
    metrics.require_installed(["sdr", "practice"])
    with pytest.raises(ValueError, match=r"feature_distance needs .* --no-deps musicnn"):
        metrics.require_installed(["sdr", "deep_features"])


def test_without_musicnn_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_vgg, "find_spec", lambda _: None)
    music_vgg.Config.build.__globals__["_frozen"].cache_clear()
    with pytest.raises(ValueError, match="pip install --no-deps musicnn"):
        feature_distance(torch.randn(1, 1, 9), torch.randn(1, 1, 9), RATE)
