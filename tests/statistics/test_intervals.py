"""The interval's width by hand, and by the tests it reduces to."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from gan_sep.statistics.averages import average, redrawn_weights
from gan_sep.statistics.intervals import Noise, half_width, interval


def noise_of(values: np.ndarray) -> Noise:
    """Of differences (seeds, tracks), whose mean is the statistic."""
    num_tracks = values.shape[1]
    weights = redrawn_weights(num_tracks, 10_000, 0)
    redrawn = average(values[..., None], weights, "mean")  # (draws, seeds, 1)
    return Noise.of(values.mean(1)[:, None], redrawn, np.array([num_tracks]))


def student(values: np.ndarray) -> tuple[float, float]:
    """Both ends of the 95 % interval of their mean."""
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    return float(low), float(high)


def made_of(from_tracks: float, from_seeds: float, residual: float) -> Noise:
    """Of 3 seeds and 25 tracks."""
    parts = (np.array([float(part)]) for part in (from_tracks, from_seeds, residual))
    return Noise(3, np.array([25]), *parts)


def test_the_noise_is_that_of_a_two_way_analysis_of_variance() -> None:
    values = np.random.default_rng(0).normal(size=(4, 30))
    values += np.array([[0.0], [0.5], [1.0], [2.0]])
    centred = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    noise = noise_of(values)
    np.testing.assert_allclose(noise.from_seeds, values.mean(1).var(ddof=1) / 4, rtol=1e-12)
    np.testing.assert_allclose(noise.from_tracks, values.mean(0).var(ddof=1) / 30, rtol=0.04)
    np.testing.assert_allclose(noise.residual, (centred**2).sum() / (3 * 29) / 120, rtol=0.04)


@pytest.mark.parametrize("num_tracks", [6, 40])
def test_with_one_seed_the_interval_is_students_over_tracks(num_tracks: int) -> None:
    values = np.random.default_rng(3).normal(0.5, 2, size=(1, num_tracks))
    low, high = interval(values.mean(1), noise_of(values))
    expected = student(values[0])
    np.testing.assert_allclose([low[0], high[0]], expected, atol=0.02 * np.ptp(expected))


def test_where_only_seeds_differ_the_interval_is_students_over_seeds() -> None:
    by_seed = np.array([0.1, 0.5, 0.3])
    values = np.repeat(by_seed[:, None], 25, axis=1)
    low, high = interval(np.array([0.3]), noise_of(values))
    np.testing.assert_allclose([low[0], high[0]], student(by_seed))


def test_the_width_by_hand() -> None:
    two, twenty_four = 4.302653, 2.063899  # Student's 97.5 % quantiles
    mostly_tracks = made_of(from_tracks=16, from_seeds=3, residual=1)
    quantile = 2 / 18 * two + 16 / 18 * twenty_four
    np.testing.assert_allclose(half_width(mostly_tracks), quantile * np.sqrt(18), rtol=1e-6)
    # Never narrower than the interval of the seeds' differences alone.
    np.testing.assert_allclose(half_width(made_of(4, 3, 1)), two * np.sqrt(3), rtol=1e-6)
    # Seeds that differ by less than the residual add nothing, and take nothing away.
    np.testing.assert_allclose(half_width(made_of(4, 0.1, 1)), twenty_four * 2, rtol=1e-6)


def test_no_difference_between_tracks_and_seeds_makes_an_interval_of_no_width() -> None:
    low, high = interval(np.array([0.2]), noise_of(np.full((3, 10), 0.2)))
    np.testing.assert_allclose([low[0], high[0]], 0.2, atol=1e-12)


def test_one_track_has_no_interval() -> None:
    low, high = interval(np.array([0.2]), noise_of(np.array([[0.1], [0.3]])))
    assert np.isnan([low[0], high[0]]).all()


def test_tracks_left_out_change_nothing_about_those_that_count() -> None:
    values = np.full((1, 20, 1), np.nan)
    values[0, :4, 0] = 1.0, 2.0, 3.0, 6.0
    redrawn = average(values, redrawn_weights(20, 10_000, 0), "mean")
    noise = Noise.of(np.array([[3.0]]), redrawn, np.array([4]))
    np.testing.assert_allclose(2 * half_width(noise), np.ptp(student(values[0, :4, 0])), rtol=0.04)
