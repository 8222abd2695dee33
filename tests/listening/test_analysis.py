"""Levels, intervals, screening and the agreement of metrics, against values computed by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from listening_sessions import SAID, Said, moved, rows_like, save, session

from gan_sep.listening.analysis import Listening, agreement, levels, unreliable
from gan_sep.listening.ratings import Ratings


def ratings_of(folder: Path, *said: Said) -> Ratings:
    """One listener per argument."""
    return Ratings.read(save(folder, *(session(f"l{i}", each) for i, each in enumerate(said))))


def line(table: pd.DataFrame, **names: str) -> dict[str, float]:
    """The one line of a table with these names."""
    (found,) = table[np.logical_and.reduce([table[k] == v for k, v in names.items()])].to_dict(
        "records"
    )
    return {str(key): value for key, value in found.items()}


def test_levels_are_means_of_listeners_and_trials_and_all_is_the_mean_of_sources(
    tmp_path: Path,
) -> None:
    table = levels(ratings_of(tmp_path, SAID, moved(10, "gan")).table, resamples=100)
    assert table["arm"].drop_duplicates().tolist() == ["reference", "mixture", "plain", "gan"]
    assert table["source"][:3].tolist() == ["drums", "vocals", "All"]
    gan = [line(table, arm="gan", source=source) for source in ("drums", "vocals", "All")]
    assert [each["mean"] for each in gan] == [70, 70, 70]
    assert [each["difference"] for each in gan] == [25, 5, 15]
    assert line(table, arm="mixture", source="All")["difference"] == 25 - 55
    plain = line(table, arm="plain", source="drums")
    assert plain["mean"] == 45
    assert all(math.isnan(plain[name]) for name in plain if name.startswith("difference"))


def test_sources_with_more_trials_weigh_no_more(tmp_path: Path) -> None:
    said: Said = {"drums": SAID["drums"], "vocals": {"a": SAID["vocals"]["a"]}}
    table = levels(ratings_of(tmp_path, said, said).table, resamples=100)
    assert line(table, arm="plain", source="All")["mean"] == (45 + 60) / 2


def test_seeds_of_an_arm_are_averaged(tmp_path: Path) -> None:
    saved = session("anna")
    second = [e | {"seed": 1} for e in saved["ratings"] if e["arm"] in ("plain", "gan")]
    for entry in second:
        entry["rating"] += 20 if entry["arm"] == "gan" else 0
    saved["ratings"] += second
    table = levels(Ratings.read(save(tmp_path, saved)).table, resamples=100)
    assert line(table, arm="gan", source="drums")["mean"] == 65 + 10
    assert line(table, arm="gan", source="drums")["difference"] == 20 + 10


def test_the_interval_of_many_listeners_is_that_of_their_means(tmp_path: Path) -> None:
    steps = np.random.default_rng(0).uniform(-15, 15, 30)
    table = ratings_of(tmp_path, *(moved(float(step), "gan") for step in steps)).table
    # With one trial there is no second stage: the bootstrap of a mean is nearly normal.
    table = table[table["track"] == "a"]
    gan = line(levels(table), arm="gan", source="drums")
    error = steps.std() / math.sqrt(30)
    assert gan["low"] == pytest.approx(gan["mean"] - 1.96 * error, abs=0.1 * error)
    assert gan["high"] == pytest.approx(gan["mean"] + 1.96 * error, abs=0.1 * error)
    assert gan["difference_high"] - gan["difference_low"] == pytest.approx(
        gan["high"] - gan["low"], rel=1e-9
    )


def test_one_listener_s_interval_is_the_bootstrap_of_the_trials(tmp_path: Path) -> None:
    table = levels(ratings_of(tmp_path, SAID).table, resamples=1000)
    plain = line(table, arm="plain", source="drums")
    assert (plain["low"], plain["mean"], plain["high"]) == (40, 45, 50)  # drawn from 50 and 40


def test_a_drawn_trial_brings_all_its_arms(tmp_path: Path) -> None:
    # Listeners and trials differ widely, the two arms by 7 in each of them.
    said: list[Said] = [
        {"drums": {t: {"reference": 100, "plain": r + l, "gan": r + l + 7} for t, r in trials}}
        for l, trials in ((0, [("a", 10), ("b", 60)]), (20, [("a", 0), ("b", 30)]))  # noqa: E741
    ]
    gan = line(levels(ratings_of(tmp_path, *said).table), arm="gan", source="drums")
    assert gan["high"] - gan["low"] > 30
    assert (gan["difference_low"], gan["difference_high"]) == pytest.approx((7, 7))


def test_one_trial_of_one_listener_has_no_interval(tmp_path: Path) -> None:
    said = {"drums": {"a": SAID["drums"]["a"]}}
    plain = line(levels(ratings_of(tmp_path, said).table), arm="plain", source="drums")
    assert plain["mean"] == 50
    assert math.isnan(plain["low"])
    assert math.isnan(plain["high"])


def test_equal_ratings_in_another_order_have_equal_intervals(tmp_path: Path) -> None:
    table = ratings_of(tmp_path, SAID, moved(10, "gan"), moved(-5, "plain")).table
    mixed = pd.concat([part.sample(frac=1, random_state=0) for _, part in table.groupby("source")])
    first, second = (levels(each, resamples=200) for each in (table, mixed))
    pd.testing.assert_frame_equal(first, second)


def test_listeners_who_miss_the_reference_in_more_than_15_percent_are_unreliable(
    tmp_path: Path,
) -> None:
    def of_20_trials(missed: int) -> Said:
        arms = [{"reference": 89.9 if n < missed else 90, "plain": 50} for n in range(20)]
        return {"drums": {f"track {n}": by_arm for n, by_arm in enumerate(arms)}}

    table = ratings_of(tmp_path, of_20_trials(0), of_20_trials(3), of_20_trials(4)).table
    assert unreliable(table) == {"l2": 0.2}  # 3 of 20 are exactly the 15 % that are allowed


def test_unreliable_listeners_are_left_out_by_name_unless_all_are_kept(tmp_path: Path) -> None:
    ratings = ratings_of(tmp_path, SAID, moved(20, "gan", moved(-20, "reference")))
    screened = Listening.of(ratings, rows_like())
    assert screened.listeners == ("l0",)
    assert screened.unreliable == {"l1": 1.0}
    assert screened.trials == 4
    assert line(screened.levels, arm="gan", source="drums")["mean"] == 65
    everyone = Listening.of(ratings, rows_like(), keep_all=True)
    assert everyone.listeners == ("l0", "l1")
    assert everyone.unreliable == {"l1": 1.0}
    assert line(everyone.levels, arm="gan", source="drums")["mean"] == 75


def test_no_reliable_listener_at_all_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    ratings = ratings_of(tmp_path, moved(-20, "reference"))
    with pytest.raises(ValueError, match=r"of 1 listeners none is left; .* --keep-all"):
        Listening.of(ratings, rows_like())


def test_sources_come_in_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = rows_like().sort_values("source", ascending=False)
    listening = Listening.of(ratings_of(tmp_path, SAID), rows)
    for table in (listening.levels, listening.agreement):
        assert table["source"].drop_duplicates().tolist() == ["vocals", "drums", "All"]


def test_a_metric_that_ranks_as_listeners_do_has_a_tau_of_1_whatever_its_direction(
    tmp_path: Path,
) -> None:
    off_zero = rows_like(metric="noise_floor")
    off_zero["value"] = (10 - off_zero["value"]) * np.where(off_zero["track"] == "a", 1, -1)
    rows = pd.concat([rows_like(), rows_like(metric="mr_stft", scale=-1), off_zero])
    table = agreement(ratings_of(tmp_path, SAID).table, rows)
    assert table["metric"].drop_duplicates().tolist() == ["usdr", "mr_stft", "noise_floor"]
    np.testing.assert_allclose(table["tau"], 1)
    worst = agreement(ratings_of(tmp_path, SAID).table, rows_like(scale=-1))
    np.testing.assert_allclose(worst["tau"], -1)


def test_tau_counts_pairs_of_points_that_agree_less_those_that_do_not(tmp_path: Path) -> None:
    rows = rows_like().set_index(["source", "track", "arm"])
    rows.loc[("drums", "a", "gan"), "value"] = 0.5  # below everything: ratings put it second
    table = agreement(ratings_of(tmp_path, SAID).table, rows.reset_index())
    drums = line(table, metric="usdr", arms="all", source="drums")
    # Ratings 10 20 40 50 60 70 have 15 pairs; 60 now lies wrong against the 4 below it.
    assert drums["tau"] == pytest.approx((15 - 2 * 4) / 15)
    assert (drums["points"], drums["without_value"]) == (6, 0)
    separated = line(table, metric="usdr", arms="separated", source="drums")
    assert separated["tau"] == pytest.approx((6 - 2 * 2) / 6)  # 40 50 60 70
    assert line(table, metric="usdr", arms="all", source="All")["points"] == 12


def test_ties_are_taken_out_of_both_sides_of_tau_b(tmp_path: Path) -> None:
    said: Said = {
        "drums": {
            "a": {"reference": 100, "plain": 50, "gan": 50},
            "b": {"reference": 100, "plain": 60, "gan": 70},
        }
    }
    rows = rows_like(said)
    rows["value"] = [1.0, 2.0, 3.0, 4.0]
    table = agreement(ratings_of(tmp_path, said).table, rows)
    # 5 pairs agree, one is tied in the ratings: 5 / sqrt(6 * 5)
    assert table["tau"].iloc[0] == pytest.approx(5 / math.sqrt(30))


def test_points_are_means_over_listeners(tmp_path: Path) -> None:
    turned = moved(-30, "gan", moved(30, "plain"))  # alone: GAN below plain everywhere
    both = agreement(ratings_of(tmp_path, SAID, turned).table, rows_like(turned))
    means = moved(-15, "gan", moved(15, "plain"))
    alone = agreement(ratings_of(tmp_path, means).table, rows_like(turned))
    pd.testing.assert_frame_equal(both, alone)


def test_points_without_a_value_are_counted_and_infinite_ones_ranked(tmp_path: Path) -> None:
    rows = rows_like()
    rows.loc[rows["arm"] == "mixture", "value"] = math.nan
    rows.loc[(rows["source"] == "drums") & (rows["arm"] == "gan"), "value"] = math.inf
    other = rows_like(metric="si_sdr")
    other = other[other["track"] == "a"]
    table = agreement(ratings_of(tmp_path, SAID).table, pd.concat([rows, other]))
    drums = line(table, metric="usdr", arms="all", source="drums")
    assert (drums["points"], drums["without_value"]) == (4, 2)
    # plain 50 and 40, GAN 60 and 70: the two infinite values tie, 5 of 6 pairs agree
    assert drums["tau"] == pytest.approx(5 / math.sqrt(30))
    assert line(table, metric="si_sdr", arms="all", source="All")["without_value"] == 6


def test_nothing_to_rank_has_no_tau(tmp_path: Path) -> None:
    table = ratings_of(tmp_path, SAID).table
    flat = rows_like()
    flat["value"] = 1.0
    assert agreement(table, flat)["tau"].isna().all()
    single = rows_like()
    single.loc[1:, "value"] = math.nan
    assert agreement(table, single)["tau"].isna().all()


def test_trained_arms_are_compared_in_the_seed_that_was_heard(tmp_path: Path) -> None:
    said, other = rows_like(), rows_like(scale=-1)
    rows = pd.concat([other.assign(seed=5), said.assign(seed=0)])
    table = Listening.of(ratings_of(tmp_path, SAID), rows).agreement
    separated = table[table["arms"] == "separated"]
    np.testing.assert_allclose(separated["tau"], 1)


def test_metrics_without_a_direction_are_named(tmp_path: Path) -> None:
    rows = pd.concat([rows_like(), rows_like(metric="seconds"), rows_like(metric="sdr_dropped")])
    listening = Listening.of(ratings_of(tmp_path, SAID), rows)
    assert listening.undirected == ("sdr_dropped", "seconds")
    assert set(listening.agreement["metric"]) == {"usdr"}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("arm", "wgan", r"ratings\[3\]: arm gan has no rows, which are of mixture, plain, wgan"),
        ("track", "c", r"ratings\[5\]: track b has no rows, which are of a, c"),
        ("source", "bass", r"ratings\[9\]: source vocals has no rows, which are of drums, bass"),
        ("seed", 3, r"ratings\[2\]: seed 0 has no rows, which are of 3"),
    ],
)
def test_a_rating_of_what_the_rows_do_not_know_is_refused_by_file_and_entry(
    tmp_path: Path, column: str, value: object, message: str
) -> None:
    names = {"arm": "gan", "track": "b", "source": "vocals", "seed": 0}
    rows = rows_like()
    rows[column] = rows[column].where(rows[column] != names[column], value)
    with pytest.raises(ValueError, match=message):
        Listening.of(ratings_of(tmp_path, SAID), rows)


def test_a_single_rating_beyond_the_rows_is_named_in_full(tmp_path: Path) -> None:
    rows = rows_like().drop(index=5)
    with pytest.raises(
        ValueError, match=r"0\.json: ratings\[7\]: track b, source drums, arm gan, seed 0 has no"
    ):
        Listening.of(ratings_of(tmp_path, SAID), rows)


def test_rows_of_another_study_are_told_from_a_single_gap(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nor any other rating is of the rows; are they of"):
        Listening.of(ratings_of(tmp_path, SAID), rows_like().assign(track="c"))
