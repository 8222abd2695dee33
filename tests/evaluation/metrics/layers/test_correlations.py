"""Correlations against sums written out, and against museval's to the bit."""

import numpy as np
import pytest
import torch

from gan_sep.evaluation.metrics.layers.museval_rounding import museval_correlations
from gan_sep.evaluation.metrics.layers.normal_equations import quick_correlations

LAGS = range(-511, 512)


def signals(count: int, samples: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, samples))


def by_hand(earlier: np.ndarray, later: np.ndarray, lag: int) -> float:
    """The sum over t of earlier(t) later(t + lag)."""
    if lag < 0:
        return by_hand(later, earlier, -lag)
    return float(earlier[: len(earlier) - lag] @ later[lag:]) if lag < len(earlier) else 0.0


@pytest.mark.parametrize("way", ["quick", "museval"])
@pytest.mark.parametrize("samples", [1, 300, 5000])
def test_correlations_equal_sums_at_every_lag(way: str, samples: int) -> None:
    images, targets = signals(2, samples), signals(3, samples)
    if way == "quick":
        auto, cross = quick_correlations(torch.from_numpy(images), torch.from_numpy(targets))
    else:
        auto, cross = museval_correlations(images, targets)
    expected = [[[by_hand(a, b, lag) for lag in LAGS] for b in images] for a in images]
    np.testing.assert_allclose(auto, expected, rtol=0, atol=1e-9)
    expected = [[[by_hand(a, b, lag) for lag in LAGS[511:]] for b in targets] for a in images]
    np.testing.assert_allclose(cross, expected, rtol=0, atol=1e-9)


def test_quick_correlations_sum_many_blocks() -> None:
    images, targets = torch.from_numpy(signals(2, 600_000)).split(1)
    auto, cross = quick_correlations(images, targets.float())
    for lag in (0, 1, 511):
        expected = by_hand(images[0].numpy(), targets[0].float().double().numpy(), lag)
        assert cross[0, 0, lag] == pytest.approx(expected, abs=1e-8)
        expected = by_hand(images[0].numpy(), images[0].numpy(), lag)
        assert auto[0, 0, 511 + lag] == auto[0, 0, 511 - lag] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("samples", [3000, 40_000])  # numpy reuses large arrays only
@pytest.mark.parametrize("channels", [1, 2])
def test_correlations_have_the_bits_of_museval_s(
    channels: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    museval = pytest.importorskip("museval.metrics", exc_type=ImportError)
    sources = 2
    images, targets = signals(2 * channels, samples), signals(2 * channels, samples)[::-1].copy()
    references, estimates = (
        each.reshape(sources, channels, samples).transpose(0, 2, 1) for each in (images, targets)
    )
    right_sides = []

    def unsolved(matrix: np.ndarray, right_side: np.ndarray) -> np.ndarray:
        right_sides.append(right_side)
        return right_side

    monkeypatch.setattr(np.linalg, "solve", unsolved)
    inner_products, spectra = museval._compute_reference_correlations(references, 512)
    for estimate in estimates:
        museval._compute_projection_filters(inner_products, spectra, estimate)
    auto, cross = museval_correlations(images, targets)
    by_source = auto.reshape(sources, channels, sources, channels, -1).transpose(0, 2, 1, 3, 4)
    np.testing.assert_array_equal(by_source[..., 511:], inner_products[..., :, 0])
    np.testing.assert_array_equal(by_source[..., 511::-1], inner_products[..., 0, :])
    expected = np.concatenate(right_sides, axis=1).reshape(len(images), 512, -1)
    np.testing.assert_array_equal(cross, expected.swapaxes(1, 2))
