"""Diagnosis of the discriminators: every number by hand."""

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_sep.adversarial.diagnostics import SETS, centred, measure

# Of source 0 every number can be counted on fingers; source 1 is silent everywhere.
SCORES = {
    "real_train": [0.9, 0.8, 0.7, 0.6],
    "real_valid": [0.9, 0.6, 0.4, 0.5],
    "fake_train": [0.1, 0.2, 0.3, 0.4],
    "fake_valid": [0.1, 0.2, 0.3, 0.6],
}


def measured(scores: dict[str, list[float]]) -> dict[str, Any]:
    """The measures of one source, all segments active."""
    columns = {name: torch.tensor(values)[:, None] for name, values in scores.items()}
    active = {name: torch.ones_like(column, dtype=torch.bool) for name, column in columns.items()}
    return measure(columns, active, ["bass"])["bass"]


def test_means_and_their_errors_are_those_of_the_segments() -> None:
    real = measured(SCORES)["real_train"]
    assert real["count"] == 4
    assert real["mean"] == pytest.approx(0.75)
    assert real["std"] == pytest.approx(math.sqrt(0.05 / 3))
    assert real["standard_error"] == pytest.approx(math.sqrt(0.05 / 3) / 2)


def test_accuracy_counts_reals_above_and_estimates_below_the_threshold_and_halves_ties() -> None:
    accuracy = measured(SCORES)["accuracy"]
    assert accuracy["train"] == 1
    assert accuracy["held_out"] == pytest.approx((2.5 / 4 + 3 / 4) / 2)


def test_the_error_of_a_perfect_accuracy_of_few_segments_is_not_zero() -> None:
    accuracy = measured(SCORES)["accuracy"]
    # Each share is (4 + 2) / (4 + 4) for the error's sake.
    assert accuracy["train_error"] == pytest.approx(math.sqrt(2 * 0.75 * 0.25 / 8) / 2)


def test_the_brier_score_is_the_mean_squared_miss_of_clipped_scores() -> None:
    assert measured(SCORES)["brier"]["train"] == pytest.approx(
        ((0.01 + 0.04 + 0.09 + 0.16) / 4 + (0.01 + 0.04 + 0.09 + 0.16) / 4) / 2
    )
    beyond = {"real_train": [1.7], "real_valid": [-3.0], "fake_train": [-1.0], "fake_valid": [2.0]}
    assert measured(beyond)["brier"] == {"train": 0, "held_out": 1}


def test_r_v_is_the_share_of_the_way_from_training_to_held_out_estimates() -> None:
    diagnosis = measured(SCORES)
    assert diagnosis["distance"] == pytest.approx(0.75 - 0.3)
    assert diagnosis["r_v"] == pytest.approx((0.75 - 0.6) / (0.75 - 0.3))


@pytest.mark.parametrize(
    "fake_valid",
    [
        [0.9, 0.8, 0.7, 0.6],  # no distance
        [0.89, 0.79, 0.69, 0.59],  # within the noise
        [1.0, 1.0, 1.0, 1.0],  # estimates taken for more real than music
    ],
)
def test_r_v_is_not_given_where_its_denominator_is_noise(fake_valid: list[float]) -> None:
    assert measured(SCORES | {"fake_valid": fake_valid})["r_v"] is None


def test_r_v_is_not_given_where_constant_scores_hardly_differ() -> None:
    scores = {name: [0.5] * 4 for name in SETS} | {"fake_valid": [0.49] * 4}
    assert measured(scores)["r_v"] is None
    assert measured(scores | {"fake_valid": [0.4] * 4})["r_v"] == pytest.approx(0)


def test_r_t_is_the_mean_sign_of_training_scores_about_the_threshold() -> None:
    assert measured(SCORES)["r_t"] == 1
    assert measured(SCORES | {"real_train": [0.9, 0.6, 0.4, 0.5]})["r_t"] == pytest.approx(0.25)


def test_centred_scores_keep_their_differences_and_lie_around_the_threshold() -> None:
    scores = {name: torch.tensor([[3.0, 5.0], [4.0, 5.0]]) - 2 * SETS.index(name) for name in SETS}
    active = {name: torch.tensor([[True, False], [True, False]]) for name in SETS}
    moved = centred(scores, active)
    # Of source 0: training sources 3 and 4, their estimates -1 and 0.
    assert moved["real_train"][:, 0].tolist() == [2.0, 3.0]
    assert moved["fake_train"][:, 0].tolist() == [-2.0, -1.0]
    assert moved["real_valid"][:, 0].tolist() == [0.0, 1.0]
    assert torch.equal(moved["real_train"][:, 1], scores["real_train"][:, 1])


def test_histograms_count_scores_in_tenths_and_clip_what_lies_outside() -> None:
    scores = [-9.0, -0.45, 0.05, 0.55, 0.58, 1.45, 7.0]
    histogram = measured(SCORES | {"real_train": scores})["real_train"]["histogram"]
    assert len(histogram) == 20
    assert sum(histogram) == 7
    assert {i: n for i, n in enumerate(histogram) if n} == {0: 2, 5: 1, 10: 2, 19: 2}


def test_overlap_is_the_shared_area_of_normalised_histograms() -> None:
    scores = {
        "real_train": [0.95] * 3 + [0.85],
        "real_valid": [0.95, 0.85, 0.55, 0.55],
        "fake_train": [0.15] * 2,
        "fake_valid": [0.55, 0.15],
    }
    overlap = measured(scores)["overlap"]
    assert overlap["real_train_valid"] == pytest.approx(0.5)
    assert overlap["real_fake_valid"] == pytest.approx(0.5)
    same = measured(scores | {"fake_valid": scores["real_valid"]})["overlap"]
    assert same["real_fake_valid"] == pytest.approx(1)


def test_sources_are_kept_apart_and_silent_segments_left_out() -> None:
    scores = {name: torch.tensor([values, [9.0] * 4]).T for name, values in SCORES.items()}
    active = {name: torch.tensor([[True, False]] * 4) for name in SETS}
    active["real_train"][3, 0] = False
    diagnosis = measure(scores, active, ["bass", "vocals"])
    assert diagnosis["bass"]["real_train"]["count"] == 3
    assert diagnosis["bass"]["real_train"]["mean"] == pytest.approx(0.8)
    assert diagnosis["vocals"]["real_train"]["count"] == 0
    for missing in ("distance", "r_v", "r_t"):
        assert diagnosis["vocals"][missing] is None
    for group in ("accuracy", "brier", "overlap"):
        assert set(diagnosis["vocals"][group].values()) == {None}


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_scores_that_are_not_finite_become_none_and_the_rest_is_kept(odd: float) -> None:
    diagnosis = measured(SCORES | {"real_valid": [0.9, odd, 0.4, 0.5]})
    assert diagnosis["real_valid"]["count"] == 4
    assert diagnosis["real_valid"]["mean"] is None
    assert diagnosis["accuracy"]["held_out"] is None
    assert diagnosis["brier"]["held_out"] is None
    assert diagnosis["overlap"] == {"real_fake_valid": None, "real_train_valid": None}
    assert diagnosis["r_v"] is None
    assert diagnosis["accuracy"]["train"] == 1
    assert "NaN" not in json.dumps(diagnosis, allow_nan=False)


def test_a_single_segment_has_a_mean_and_no_error() -> None:
    diagnosis = measured(SCORES | {"real_train": [0.9]})
    assert diagnosis["real_train"]["mean"] == pytest.approx(0.9)
    assert diagnosis["real_train"]["standard_error"] is None
    assert diagnosis["r_v"] is None


def test_a_missing_set_is_refused() -> None:
    scores: dict[str, Tensor] = {name: torch.zeros(2, 1) for name in SETS[:3]}
    active = {name: torch.ones(2, 1, dtype=torch.bool) for name in SETS}
    with pytest.raises(ValueError, match="no scores or no mask for 'fake_valid'"):
        measure(scores, active, ["bass"])


def test_scores_that_do_not_fit_the_sources_or_the_mask_are_refused() -> None:
    scores = {name: torch.zeros(2, 1) for name in SETS}
    active = {name: torch.ones(2, 1, dtype=torch.bool) for name in SETS}
    with pytest.raises(ValueError, match=r"expected .* \(n, 2\), got \(2, 1\) and \(2, 1\)"):
        measure(scores, active, ["bass", "drums"])
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(3, 1\)"):
        measure(scores, active | {"real_train": torch.ones(3, 1, dtype=torch.bool)}, ["bass"])
