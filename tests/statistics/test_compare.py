"""The comparison's statistics: levels, differences, intervals, and what they refuse."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, wilcoxon

from gan_sep.evaluation.metrics import available, statistics
from gan_sep.evaluation.references import ORACLES
from gan_sep.statistics.compare import compare, verdict
from gan_sep.statistics.pairing import PairedValues

ORACLE = next(iter(ORACLES))


def rows_of(
    values: dict[str, dict[str, list[float]]], metric: str = "usdr", seed: int = 0
) -> pd.DataFrame:
    """arm -> source -> one value per track, the tracks named a, b, c, ..."""
    return pd.DataFrame(
        [
            (seed, arm, chr(ord("a") + place), source, metric, value)
            for arm, by_source in values.items()
            for source, by_track in by_source.items()
            for place, value in enumerate(by_track)
        ],
        columns=["seed", "arm", "track", "source", "metric", "value"],
    )


def two_sources(metric: str = "usdr") -> pd.DataFrame:
    return rows_of(
        {
            "mixture": {"drums": [0.0, 0.0, 0.0], "bass": [1.0, 1.0, 1.0]},
            "plain": {"drums": [1.0, 2.0, 9.0], "bass": [2.0, 4.0, 6.0]},
            "gan": {"drums": [2.0, 2.0, 11.0], "bass": [2.0, 3.0, 4.0]},
        },
        metric,
    )


def test_usdr_is_the_mean_of_tracks_and_all_the_mean_of_sources() -> None:
    comparison = compare(two_sources(), statistics()["usdr"])
    assert comparison.columns == ("drums", "bass", "All")
    np.testing.assert_allclose(comparison.levels["plain"], [4, 4, 4])
    np.testing.assert_allclose(comparison.levels["gan"], [5, 3, 4])
    np.testing.assert_allclose(comparison.levels["mixture"], [0, 1, 0.5])
    np.testing.assert_allclose(comparison.effects["gan"].difference, [1, -1, 0])
    by_track = [[1.0, 0.0, 0.5], [0.0, -1.0, -0.5], [2.0, -2.0, 0.0]]
    np.testing.assert_allclose(comparison.effects["gan"].track_differences, by_track)
    assert comparison.track_counts == (3, 3, 3)


def test_another_arm_than_the_plain_one_can_be_the_baseline() -> None:
    arms = {"mixture": [0.0] * 3, "plain": [1.0, 2.0, 3.0], "gan": [4.0, 4.0, 4.0]}
    rows = rows_of({name: {"x": values} for name, values in arms.items()})
    control = rows_of({"control": {"x": [2.0, 4.0, 3.0]}})
    comparison = compare(pd.concat([rows, control]), statistics()["usdr"], baseline="control")
    assert list(comparison.effects) == ["plain", "gan"]
    np.testing.assert_allclose(comparison.effects["gan"].difference, [1, 1])
    # The same as if the control were the plain arm of a study of its own.
    renamed = rows[rows["arm"] != "plain"].copy()
    alone = compare(
        pd.concat([renamed, control.replace("control", "plain")]), statistics()["usdr"]
    ).effects["gan"]
    found = comparison.effects["gan"]
    for name in ("low", "high", "p_values", "track_differences"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
    for other in ("mixture", "nobody"):
        with pytest.raises(ValueError, match=f"baseline: expected one of plain, gan, .* {other}"):
            compare(pd.concat([rows, control]), statistics()["usdr"], baseline=other)


def test_sdr_is_the_median_of_tracks_and_has_a_mean_beside_it() -> None:
    rows = two_sources("sdr")
    median = compare(rows, statistics()["sdr"])
    np.testing.assert_allclose(median.levels["plain"], [2, 4, 3])
    np.testing.assert_allclose(median.levels["gan"], [2, 3, 2.5])
    np.testing.assert_allclose(median.effects["gan"].difference, [0, -1, -0.5])
    np.testing.assert_allclose(
        compare(rows, statistics()["sdr_mean"]).effects["gan"].difference, [1, -1, 0]
    )


def test_weighted_means_weigh_a_clip_by_its_seconds() -> None:
    voice = {"mixture": [0.0, 0.0], "plain": [2.0, 6.0], "gan": [3.0, 5.0]}
    rows = pd.concat(
        [
            rows_of({arm: {"voice": values} for arm, values in voice.items()}, "nsdr_v3"),
            rows_of({arm: {"voice": [1.0, 3.0]} for arm in voice}, "seconds"),
        ]
    )
    comparison = compare(rows, statistics()["gnsdr"])
    np.testing.assert_allclose(comparison.levels["plain"][0], (2 + 3 * 6) / 4)
    np.testing.assert_allclose(comparison.effects["gan"].difference[0], (1 - 3) / 4)


def several_seeds(metric: str) -> pd.DataFrame:
    def seed(number: int, plain: list[float], gan: list[float]) -> pd.DataFrame:
        arms = {"mixture": {"x": [0.0] * 3}, "plain": {"x": plain}, "gan": {"x": gan}}
        return rows_of(arms, metric, number)

    return pd.concat([seed(0, [1, 2, 9], [2, 2, 2]), seed(1, [9, 3, 1], [2, 5, 6])])


def test_the_median_of_several_seeds_is_the_mean_of_their_medians() -> None:
    comparison = compare(several_seeds("sdr"), statistics()["sdr"])
    assert comparison.seeds == (0, 1)
    assert (
        comparison.levels["plain"][0] == 2.5
    )  # of 2 and 3; the median of the means 5, 2.5, 5 is 5
    assert comparison.levels["gan"][0] == 3.5
    np.testing.assert_allclose(comparison.effects["gan"].seed_differences[:, 0], [0, 2])
    assert comparison.effects["gan"].difference[0] == 1


def test_the_mean_of_several_seeds_is_that_of_the_tracks_mean_differences() -> None:
    comparison = compare(several_seeds("usdr"), statistics()["usdr"])
    by_track = [[-3.0], [1.0], [-1.0]]
    np.testing.assert_allclose(comparison.effects["gan"].track_differences[:, :1], by_track)
    np.testing.assert_allclose(comparison.effects["gan"].difference[0], -1)


@pytest.mark.parametrize("nothing", [float("nan"), float("inf"), float("-inf")])
def test_a_track_without_a_finite_value_in_one_arm_is_left_out_of_all_arms_by_name(
    nothing: float,
) -> None:
    rows = two_sources()
    here = (rows["arm"] == "gan") & (rows["track"] == "c") & (rows["source"] == "drums")
    rows.loc[here, "value"] = nothing
    comparison = compare(rows, statistics()["usdr"])
    assert comparison.left_out == {"drums": ("c",), "bass": ()}
    assert comparison.track_counts == (2, 3, 3)
    np.testing.assert_allclose(comparison.levels["plain"], [1.5, 4, 2.75])
    np.testing.assert_allclose(comparison.effects["gan"].difference, [0.5, -1, -0.25])


@pytest.mark.parametrize("nothing", [float("nan"), float("inf"), float("-inf")])
def test_an_oracle_without_a_finite_value_takes_no_track_away_and_has_no_level(
    nothing: float,
) -> None:
    oracle = {"drums": [5.0, nothing, 6.0], "bass": [4.0, 5.0, 6.0]}
    comparison = compare(
        pd.concat([two_sources("sdr"), rows_of({ORACLE: oracle}, "sdr")]), statistics()["sdr"]
    )
    np.testing.assert_array_equal(comparison.levels[ORACLE], [np.nan, 5, np.nan])
    np.testing.assert_allclose(comparison.levels["plain"], [2, 4, 3])
    assert comparison.track_counts == (3, 3, 3)
    assert list(comparison.effects) == ["gan"]


def test_a_source_heard_in_no_track_has_neither_level_nor_interval() -> None:
    rows = two_sources()
    rows.loc[(rows["arm"] == "plain") & (rows["source"] == "drums"), "value"] = np.nan
    comparison = compare(rows, statistics()["usdr"])
    assert np.isnan(comparison.effects["gan"].difference).tolist() == [True, False, True]
    assert (
        comparison.effects["gan"].verdicts[0]
        == comparison.effects["gan"].verdicts[2]
        == "no interval"
    )
    assert comparison.track_counts == (0, 3, 3)


def test_one_track_gives_a_difference_but_no_interval() -> None:
    rows = two_sources()
    comparison = compare(rows[rows["track"] == "a"], statistics()["usdr"])
    np.testing.assert_allclose(comparison.effects["gan"].difference, [1, 0, 0.5])
    assert comparison.effects["gan"].verdicts == ("no interval",) * 3


def one_source(differences: np.ndarray) -> pd.DataFrame:
    """gan - plain of one source by (seeds, tracks); the mixture's level is 0 and plain's varies."""
    plain = np.random.default_rng(9).normal(5, 2, (1, differences.shape[1]))
    arms = {"mixture": 0 * plain[0], "plain": plain[0]}
    return pd.concat(
        [
            rows_of({arm: {"x": list(v)} for arm, v in {**arms, "gan": gan}.items()}, seed=seed)
            for seed, gan in enumerate(plain + differences)
        ]
    )


def test_the_interval_of_one_seed_is_students_over_tracks() -> None:
    differences = np.random.default_rng(3).normal(0.5, 2, (1, 40))
    effect = compare(one_source(differences), statistics()["usdr"]).effects["gan"]
    low, high = map(float, ttest_1samp(differences[0], 0).confidence_interval())
    np.testing.assert_allclose([effect.low[0], effect.high[0]], [low, high], atol=0.05)
    assert np.isnan(effect.seed_deviation).all()
    assert np.isnan(effect.seeds_needed[0.1]).all()


def test_seeds_that_differ_widen_the_interval_and_are_told() -> None:
    differences = np.random.default_rng(3).normal(0, 0.1, (3, 30))
    shifted = differences + np.array([[0.2], [0.6], [1.0]])
    alike, differing = (
        compare(one_source(values), statistics()["usdr"]).effects["gan"]
        for values in (differences - differences.mean(1, keepdims=True) + 0.6, shifted)
    )
    np.testing.assert_allclose(differing.seed_deviation, shifted.mean(1).std(ddof=1))
    # Student's interval of three seeds is 4.3 / sqrt(3) deviations either way; tracks add little.
    width = 4.303 / np.sqrt(3) * differing.seed_deviation
    np.testing.assert_allclose((differing.high - differing.low) / 2, width, rtol=0.02)
    assert alike.verdicts == ("better", "better")
    assert differing.verdicts == ("undecided", "undecided")
    np.testing.assert_array_less(alike.seeds_needed[0.2], [4, 4])
    np.testing.assert_array_less(alike.seeds_needed[0.2], differing.seeds_needed[0.2])
    np.testing.assert_array_less(differing.seeds_needed[0.2], differing.seeds_needed[0.1])


def test_p_values_are_wilcoxons_over_the_tracks_mean_differences() -> None:
    differences = np.random.default_rng(5).normal(0.3, 1, (3, 20))
    effect = compare(one_source(differences), statistics()["usdr"]).effects["gan"]
    np.testing.assert_allclose(effect.p_values, wilcoxon(differences.mean(0)).pvalue)


def test_seeds_needed_are_told_of_statistics_in_decibels_only() -> None:
    assert set(compare(two_sources(), statistics()["usdr"]).effects["gan"].seeds_needed) == {
        0.1,
        0.2,
    }
    rows = two_sources("mr_stft")
    assert not compare(rows, statistics()["mr_stft"]).effects["gan"].seeds_needed


def test_of_a_metric_that_is_better_when_lower_less_is_better() -> None:
    rows = one_source(np.full((2, 10), -0.5)).assign(metric="mr_stft")
    assert compare(rows, statistics()["mr_stft"]).effects["gan"].verdicts == ("better", "better")


def test_of_a_metric_that_is_best_at_zero_the_distance_from_zero_counts() -> None:
    plain, gan = {"x": [-3.0, 3.0, -3.0]}, {"x": [1.0, -1.0, -1.0]}
    rows = rows_of({"mixture": plain, "plain": plain, "gan": gan}, "high_band_ratio")
    comparison = compare(rows, statistics()["high_band_ratio"])
    np.testing.assert_allclose(comparison.levels["plain"], [3, 3])
    np.testing.assert_allclose(comparison.effects["gan"].difference, [-2, -2])


def test_the_interval_of_all_knows_that_sources_of_a_track_move_together() -> None:
    steps = np.random.default_rng(0).normal(0, 1, 50)
    zeros = [0.0] * 50

    def width(second: np.ndarray) -> float:
        gan = {"x": list(steps), "y": list(second)}
        rows = rows_of(
            {"mixture": {"x": zeros, "y": zeros}, "plain": {"x": zeros, "y": zeros}, "gan": gan}
        )
        comparison = compare(rows, statistics()["usdr"])
        return float(comparison.effects["gan"].high[-1] - comparison.effects["gan"].low[-1])

    assert width(-steps) == pytest.approx(0, abs=1e-12)  # opposite in every track
    assert width(steps) > 0.4  # about 2 * 1.96 / sqrt(50)


def test_an_arm_whose_rows_name_the_sources_in_another_order_pairs_by_name() -> None:
    rows = two_sources()
    backwards = pd.concat([rows[rows["arm"] != "gan"], rows[rows["arm"] == "gan"].iloc[::-1]])
    comparison = compare(backwards, statistics()["usdr"])
    assert comparison.columns == ("drums", "bass", "All")
    np.testing.assert_allclose(comparison.effects["gan"].difference, [1, -1, 0])


def test_equal_rows_in_any_order_give_equal_intervals() -> None:
    rows = two_sources()
    mixed = pd.concat([rows[rows["source"] == "drums"].iloc[::-1], rows[rows["source"] == "bass"]])
    first, second = (compare(r, statistics()["usdr"], resamples=500) for r in (rows, mixed))
    np.testing.assert_array_equal(first.effects["gan"].low, second.effects["gan"].low)
    np.testing.assert_array_equal(first.effects["gan"].high, second.effects["gan"].high)


def test_frames_removed_by_the_silence_rule_are_told_for_each_arm() -> None:
    dropped = rows_of(
        {
            "mixture": {"drums": [0.0, 0.0, 0.3], "bass": [0.0, 0.0, 0.3]},
            "plain": {"drums": [0.0, 0.0, 0.3], "bass": [0.0, 0.0, 0.3]},
            "gan": {"drums": [0.0, 0.3, 0.3], "bass": [0.0, 0.3, 0.3]},
        },
        "sdr_dropped",
    )
    rows = pd.concat([two_sources("sdr"), dropped])
    removed = compare(rows, statistics()["sdr"]).removed
    assert removed == pytest.approx({"mixture": 0.1, "plain": 0.1, "gan": 0.2})
    assert compare(two_sources(), statistics()["usdr"]).removed == {}


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.1, 0.5, "better"),
        (-0.5, -0.1, "worse"),
        (-0.1, 0.1, "undecided"),
        (0.0, 0.3, "undecided"),
        (-0.3, 0.0, "undecided"),
        (float("nan"), float("nan"), "no interval"),
    ],
)
def test_the_verdict_says_on_which_side_of_zero_the_interval_lies(
    low: float, high: float, word: str
) -> None:
    assert verdict(low, high, "higher") == word
    opposite = {"better": "worse", "worse": "better"}
    assert verdict(low, high, "lower") == opposite.get(word, word)


def test_statistics_are_available_where_their_metric_has_rows() -> None:
    assert [s.name for s in available(two_sources("sdr")["metric"])] == ["sdr", "sdr_mean"]
    assert [s.name for s in available(two_sources("sdr_dropped")["metric"])] == []


def without(column: str, arm: str, name: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows[~((rows["arm"] == arm) & (rows[column] == name))]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("track", "gan", "b"), "arm gan has no rows of track b"),
        (without("source", "plain", "bass"), "arm plain has no rows of source bass"),
        (lambda rows: rows[rows["arm"] != "gan"], "at least one to compare with it"),
        (lambda rows: rows[rows["arm"] != "mixture"], "expected the arms mixture, plain"),
        (
            lambda rows: pd.concat([rows, rows[rows["arm"] == "gan"].assign(seed=1)]),
            "arm mixture has no rows of seed 1",
        ),
        (
            lambda rows: pd.concat([rows, rows.iloc[[4]]]),
            "more than one row for arm mixture, seed 0, track b, source bass",
        ),
        (
            lambda rows: rows.drop(index=7),
            "no row for arm plain, seed 0, track b, source drums",
        ),
        (lambda rows: rows.drop(columns="arm"), r"expected the columns seed, .*\['arm'\] missing"),
        (lambda rows: rows.assign(metric="sdr"), "metric usdr: no rows"),
    ],
)
def test_rows_that_do_not_pair_up_are_refused_by_name(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PairedValues.of(change(two_sources()), "usdr")


def test_more_than_three_missing_tracks_are_counted() -> None:
    zeros = {"x": [0.0] * 6}
    rows = rows_of({"mixture": zeros, "plain": zeros, "gan": {"x": [0.0]}})
    with pytest.raises(ValueError, match="track b, c, d and 2 more"):
        PairedValues.of(rows, "usdr")


@pytest.mark.parametrize("seconds", [None, 2])
def test_weighted_means_want_the_seconds_of_every_track(seconds: int | None) -> None:
    rows = two_sources("nsdr_v3")
    if seconds:
        some = {"voice": [1.0] * seconds}
        rows = pd.concat(
            [rows, rows_of(dict.fromkeys(("mixture", "plain", "gan"), some), "seconds")]
        )
    with pytest.raises(ValueError, match="metric seconds"):
        compare(rows, statistics()["gnsdr"])


def test_weighted_means_want_the_same_lengths_of_all_arms() -> None:
    seconds = two_sources("seconds").assign(value=3.0)
    seconds.loc[(seconds["arm"] == "gan") & (seconds["track"] == "b"), "value"] = 4.0
    with pytest.raises(ValueError, match="expected one length of b in all arms and seeds"):
        compare(pd.concat([two_sources("nsdr_v3"), seconds]), statistics()["gnsdr"])


def test_weighted_means_want_lengths_that_are_positive() -> None:
    rows = two_sources("nsdr_v3")
    seconds = two_sources("seconds").assign(value=[3.0, 0.0, 3.0] * 6)
    rows = pd.concat([rows, seconds])
    with pytest.raises(ValueError, match="expected a positive length of b, got 0"):
        compare(rows, statistics()["gnsdr"])
