"""The Fréchet distance of features against scipy's square root of a matrix."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from gan_sep.evaluation.frechet import distance, frechet, moments_of


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_the_distance_is_that_of_normal_distributions_by_scipy() -> None:
    first, second = drawn(40, 6) @ drawn(6, 6, seed=1) + 2, 3 * drawn(50, 6, seed=2)
    covariances = [np.cov(x.T) for x in (first, second)]
    expected = ((first.mean(0) - second.mean(0)) ** 2).sum()
    expected += np.trace(sum(covariances) - 2 * sqrtm(covariances[0] @ covariances[1]).real)
    found = frechet(moments_of(first), moments_of(second))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert abs(frechet(moments_of(first), moments_of(first))) < 1e-6


def test_one_dimension_by_hand_and_tracks_add() -> None:
    first, second = np.array([[0.0], [2.0]]), np.array([[5.0], [9.0]])  # deviations sqrt 2, sqrt 8
    assert frechet(moments_of(first), moments_of(second)) == pytest.approx(36 + 2 + 8 - 2 * 4)
    np.testing.assert_allclose(
        moments_of(first) + moments_of(second), moments_of(np.concatenate([first, second]))
    )


def test_the_interval_holds_the_value_and_the_floor_shrinks_with_tracks() -> None:
    references = np.stack([moments_of(drawn(5, 4, seed=s)) for s in range(40)])
    estimates = np.stack([moments_of(drawn(5, 4, seed=s) + 1) for s in range(100, 140)])
    value, low, high, floor = distance(estimates, references)
    assert low < value < high
    assert low < 4 < high  # means that differ by 1 in four dimensions
    assert floor < 0.3 * distance(estimates[:6], references[:6])[3]
    with pytest.raises(ValueError, match="at least 4 tracks of a source, got 3"):
        distance(estimates[:3], references[:3])
