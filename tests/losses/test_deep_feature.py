"""The distance of feature maps against numpy, and settings that cannot be meant."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gan_sep.features import tagger
from gan_sep.losses.deep_feature import Config


def test_the_value_is_that_of_maps_and_gram_matrices_in_numpy() -> None:
    network = tagger.Config.tiny()
    estimates, sources = torch.randn(2, 2, 3, 1, 21000).unbind()
    expected = np.zeros((2, 3))
    for item in range(2):
        for source in range(3):
            pairs = zip(
                network.build()(estimates[item, source][None], 16000),
                network.build()(sources[item, source][None], 16000),
                strict=True,
            )
            values = []
            for pair in pairs:
                E, Y = (each[0].double().numpy().reshape(each.shape[1], -1) for each in pair)
                gram = (E @ E.T - Y @ Y.T) / E.size
                values.append(0.5 * np.mean((E - Y) ** 2) + 10 / 3 * np.sum(gram**2))
            expected[item, source] = np.mean(values)
    loss = Config(network=network).build(16000)
    np.testing.assert_allclose(loss(estimates, sources), expected.mean(0), rtol=1e-4)
    assert loss(sources, sources).tolist() == [0, 0, 0]


def test_channels_that_err_in_opposite_ways_do_not_cancel() -> None:
    sources = torch.randn(1, 1, 2, 21000)
    swapped = sources.flip(2)  # the mean of both channels is the same
    assert Config.tiny()(swapped, sources).item() > 0.01


def test_without_a_rate_or_any_weight_it_says_so() -> None:
    signals = torch.zeros(1, 1, 1, 100)
    with pytest.raises(ValueError, match="sample_rate: expected Hz of the signals, got null"):
        Config(network=tagger.Config.tiny())(signals, signals)
    with pytest.raises(ValueError, match=r"not both 0, got 0\.0 and 0\.0"):
        Config(features=0.0, style=0.0)
    with pytest.raises(ValueError, match=r"at least 0, not both 0, got -1\.0 and 1\.0"):
        Config(features=-1.0, style=1.0)


@pytest.mark.parametrize(("one_source", "seconds"), [(True, None), (False, 1.3), (True, 1.3)])
def test_a_drawn_part_is_the_same_in_every_batch_and_right_on_average(
    one_source: bool, seconds: float | None
) -> None:
    torch.manual_seed(0)
    whole = Config.tiny()
    loss = replace(whole, one_source=one_source, seconds=seconds)
    sources = torch.randn(32, 2, 1, 24000)
    estimates = sources + torch.tensor([[0.5], [1.0]])[..., None] * torch.randn_like(sources)
    pairs = zip(estimates.split(1), sources.split(1), strict=True)
    values = torch.cat([loss.items(*pair) for pair in pairs])
    torch.testing.assert_close(loss(estimates, sources), values.mean(0))
    assert (values == 0).any() == one_source
    torch.testing.assert_close(values.mean(0), whole(estimates, sources), rtol=0.3, atol=0)


def test_a_length_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"seconds: expected at least 0\.001 or null, got 0\.0"):
        Config(seconds=0.0)
