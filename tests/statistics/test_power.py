"""The seeds that power takes, by tables of Student's test and at the ends."""

import numpy as np
import pytest

from gan_sep.statistics.intervals import Noise
from gan_sep.statistics.power import seeds_needed


def needed(noise: tuple[float, float, float], effect: float, num_tracks: int = 25) -> float:
    """Of the variances from tracks, from seeds and of the residual, as three seeds showed them."""
    parts = (np.array([variance]) for variance in noise)
    return float(seeds_needed(Noise(3, np.array([num_tracks]), *parts), effect)[0])


def test_where_only_seeds_differ_power_is_that_of_students_test() -> None:
    # Seeds that deviate by 1: tables of the one-sample test say 10 for an effect of 1, 34 of 0.5.
    assert needed((0, 1 / 3, 0), 1) == pytest.approx(10, abs=1)
    assert needed((0, 1 / 3, 0), 0.5) == pytest.approx(34, abs=2)


def test_seeds_average_the_residual_away_but_not_the_tracks() -> None:
    assert needed((1 / 3, 1 / 3, 1 / 3), 1) == pytest.approx(10, abs=2)
    assert needed((1 / 3, 0, 0), 1) == np.inf
    assert needed((0.01, 0, 0), 1) == 2


def test_of_many_tracks_the_normal_distribution_tells_what_they_let_see() -> None:
    # 1.96 + 0.84 = 2.80 deviations of the tracks are seen with 80 % probability.
    assert needed((1, 0.01, 0.01), 2.9, num_tracks=10_000) < 10
    assert needed((1, 0.01, 0.01), 2.7, num_tracks=10_000) == np.inf


def test_no_noise_takes_two_seeds() -> None:
    assert needed((0, 0, 0), 0.1) == 2


def test_one_seed_and_one_track_tell_nothing() -> None:
    nothing = np.array([np.nan])
    one_seed = Noise(1, np.array([25]), np.array([0.1]), nothing, nothing)
    assert np.isnan(seeds_needed(one_seed, 0.1)).all()
    one_track = Noise(3, np.array([1]), nothing, np.array([0.1]), nothing)
    assert np.isnan(seeds_needed(one_track, 0.1)).all()
