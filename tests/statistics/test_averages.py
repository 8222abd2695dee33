"""Averages by weights equal those of tracks written out one by one."""

from typing import Literal

import numpy as np
import pytest

from gan_sep.statistics.averages import average, equal_weights, redrawn_weights


def values_of(num_tracks: int) -> np.ndarray:
    """(seeds, tracks, S), the second track left out of the second source."""
    values = np.random.default_rng(num_tracks).normal(size=(2, num_tracks, 3))
    values[:, 1, 1] = np.nan
    return values


@pytest.mark.parametrize("num_tracks", [2, 3, 6, 7])
def test_equal_weights_give_numpys_averages(num_tracks: int) -> None:
    values, weights = values_of(num_tracks), equal_weights(num_tracks)
    expected = np.nanmedian(values, axis=1), np.nanmean(values, axis=1)
    np.testing.assert_allclose(average(values, weights, "median")[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(average(values, weights, "mean")[0], expected[1], rtol=1e-12)


def test_whole_weights_are_copies_of_a_track_in_a_mean() -> None:
    values, copies = values_of(5), np.array([1, 3, 2, 1, 4])
    got = average(values, copies[:, None].astype(float), "mean")[0]
    np.testing.assert_allclose(got, np.nanmean(np.repeat(values, copies, axis=1), axis=1))


@pytest.mark.parametrize(
    ("weights", "median"),
    [
        ([1.0, 1.0, 1.0], 2.0),
        # Middles of the weights at 0.5, 1.5 and 3: half of 4 lies a third of the way to the last.
        ([1.0, 1.0, 2.0], 2 + 10 / 3),
        ([3.0, 1.0, 1.0], 1.5),
        ([1e9, 1.0, 1.0], 1.0),
    ],
)
def test_weighted_medians_by_hand(weights: list[float], median: float) -> None:
    values = np.array([12.0, 1.0, 2.0])[None, :, None]
    by_track = np.array([weights[2], weights[0], weights[1]])[:, None]
    np.testing.assert_allclose(average(values, by_track, "median"), [[[median]]], rtol=1e-6)


@pytest.mark.parametrize("how", ["mean", "median"])
def test_one_track_is_its_own_average_and_no_track_has_none(
    how: Literal["mean", "median"],
) -> None:
    values = np.array([[[1.0, np.nan], [np.nan, np.nan]]])
    got = average(values, redrawn_weights(2, 5, 0), how)
    np.testing.assert_array_equal(got, [[[1, np.nan]]] * 5)


def test_redrawn_means_of_the_tracks_that_count_spread_as_documented() -> None:
    values = np.array([1.0, 2.0, np.nan, 4.0, 9.0])
    means = average(values[None, :, None], redrawn_weights(5, 40_000, 0), "mean")
    assert means.mean() == pytest.approx(4, abs=0.03)
    assert means.var() == pytest.approx(np.nanvar(values) / 5, rel=0.03)


def test_redrawing_is_the_same_for_the_same_seed_only() -> None:
    np.testing.assert_array_equal(redrawn_weights(4, 10, 3), redrawn_weights(4, 10, 3))
    assert (redrawn_weights(4, 10, 3) != redrawn_weights(4, 10, 4)).all()
