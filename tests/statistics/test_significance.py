"""Wilcoxon's test by hand values, Holm's correction, and when there is no p-value."""

import numpy as np
import pytest

from gan_sep.statistics.significance import holm, p_values

NAN = float("nan")


def test_all_of_six_tracks_on_one_side_have_two_chances_in_64() -> None:
    differences = np.array([[0.3], [0.1], [0.5], [0.2], [0.9], [0.4]])
    np.testing.assert_allclose(p_values(np.hstack([differences, -differences])), 2 / 64)


def test_sources_are_corrected_for_their_number_and_all_is_not() -> None:
    step = np.array([0.3, 0.1, 0.5, 0.2, 0.9, 0.4])
    differences = np.stack([step, step, step], axis=1)  # two sources and All
    np.testing.assert_allclose(p_values(differences), [4 / 64, 4 / 64, 2 / 64])


@pytest.mark.parametrize(
    ("raw", "corrected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 0.04 may not pass below 2 x 0.03
        ([0.02, NAN, 0.6], [0.04, NAN, 0.6]),
        ([0.7, 0.8], [1.0, 1.0]),
        ([NAN], [NAN]),
    ],
)
def test_holm_by_hand(raw: list[float], corrected: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(raw)), corrected)


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5, NAN], [0.0] * 20, [0.0] * 20 + [1.0]],
)
def test_fewer_than_six_tracks_that_differ_have_no_p_value(differences: list[float]) -> None:
    assert np.isnan(p_values(np.array([differences, differences]).T)).all()


def test_tracks_left_out_and_tracks_without_difference_do_not_count() -> None:
    step = [0.3, 0.1, 0.5, 0.2, 0.9, 0.4, NAN, 0.0]
    np.testing.assert_allclose(p_values(np.array([step, step]).T), 2 / 64)


def test_differences_that_are_equal_but_for_rounding_share_a_rank() -> None:
    step = np.array([0.1, -0.1, 0.1, 0.1, -0.1, 0.2, 0.2, -0.3, 0.4, 0.3])
    rounded = step * (1 + 1e-15 * np.arange(10))
    np.testing.assert_array_equal(*p_values(np.stack([step, rounded], 1)))
