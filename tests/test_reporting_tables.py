"""Tables: what they print for known comparisons, and what they tell besides the numbers."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gan_sep.evaluation.statistics import STATISTICS, Comparison, Effect
from gan_sep.reporting.formats import count
from gan_sep.reporting.published import comparable, published_table, read_published
from gan_sep.reporting.remarks import remarks
from gan_sep.reporting.table_records import as_csv, as_json
from gan_sep.reporting.tables import console, markdown

NAN = float("nan")


def comparison(statistic: str = "sdr") -> Comparison:
    """Two tracks, two sources; the second track left out of the voice."""
    return Comparison(
        statistic=STATISTICS[statistic],
        seeds=(0,),
        tracks=("first", "second | live"),
        sources=("music", "voice"),
        levels={
            "mixture": np.array([-1.0, 0.0, -0.5]),
            "plain": np.array([4.0, 6.0, 5.0]),
            "gan": np.array([4.5, 5.5, 5.0]),
        },
        effects={
            "gan": Effect(
                difference=np.array([0.5, -0.5, 0.0]),
                low=np.array([0.25, NAN, -0.125]),
                high=np.array([0.75, NAN, 0.125]),
                seed_differences=np.array([[0.5, -0.5, 0.0]]),
                track_differences=np.array([[0.25, -0.5, -0.125], [0.75, NAN, NAN]]),
                verdicts=("better", "no interval", "undecided"),
            )
        },
        left_out={"music": (), "voice": ("second | live",)},
        removed={"mixture": 0.25, "plain": 0.25, "gan": 0.375},
    )


def test_the_markdown_table_has_arms_down_and_sources_across() -> None:
    lines = markdown([comparison()]).splitlines()
    assert lines[2:11] == [
        "| dB, higher is better | music | voice | All |",
        "| --- | ---: | ---: | ---: |",
        "| mixture | -1.00 | 0.00 | -0.50 |",
        "| plain | 4.00 | 6.00 | 5.00 |",
        "| GAN | 4.50 | 5.50 | 5.00 |",
        "| GAN - plain | +0.50 | -0.50 | +0.00 |",
        "| 95 % interval | [+0.25, +0.75] | - | [-0.12, +0.12] |",
        "| verdict | better | no interval | undecided |",
        "| tracks | 2 | 1 | 2 |",
    ]


def test_the_console_table_is_aligned_and_fits_110_columns() -> None:
    text = console([comparison(), comparison("usdr")])
    assert max(map(len, text.splitlines())) <= 110
    lines = text.splitlines()
    assert lines[0] == "SDR (BSSEval v4), median of tracks, dB, higher is better"
    assert len({len(line) for line in lines[1:6]}) == 1
    assert " ".join(lines[2].split()) == "music -1.00 4.00 4.50 +0.50 [+0.25, +0.75] better 2"


def test_a_remark_is_made_once_for_all_tables() -> None:
    text = markdown([comparison(), comparison("sdr_mean")])
    assert text.count("One seed (0)") == 1
    assert text.count("second | live") == 1


def test_one_seed_is_called_one_seed_and_says_nothing_about_others() -> None:
    said = remarks(comparison())
    assert any(
        line.startswith("One seed (0): the interval speaks of other tracks, not") for line in said
    )


def test_several_seeds_are_listed_with_their_differences() -> None:
    one = comparison()
    effect = replace(
        one.effects["gan"], seed_differences=np.array([[0.5, 0, 0.25], [0.5, -1, -0.25]])
    )
    several = replace(one, seeds=(3, 7), effects={"gan": effect})
    assert "2 seeds (3, 7)" in " ".join(remarks(several))
    assert "| GAN - plain, seed 7 | +0.50 | -1.00 | -0.25 |" in markdown([several])


def test_remarks_count_tracks_removed_frames_and_name_tracks_left_out() -> None:
    said = remarks(comparison())
    assert said[0].startswith("2 tracks; an interval from so few is too narrow.")
    assert "silence rule: mixture 25.0 %, plain 25.0 %, GAN 37.5 %." in " ".join(said)
    assert said[-1] == (
        "Left out of voice, one track without a finite value in every arm: second | live."
    )


def test_many_tracks_left_out_are_counted_and_the_first_named() -> None:
    names = tuple(f"t{number}" for number in range(7))
    many = replace(comparison(), left_out={"music": names, "voice": ()})
    expected = "7 tracks without a finite value in every arm: t0; t1; t2; t3; t4; and 2 more"
    assert expected in remarks(many)[-1]


def test_csv_and_json_hold_the_numbers_and_leave_nan_empty() -> None:
    table = pd.read_csv(StringIO(as_csv([comparison()])))
    voice = table[table["source"] == "voice"].iloc[0]
    assert (voice["difference"], voice["tracks"], voice["left_out"], voice["seeds"]) == (
        -0.5,
        1,
        1,
        1,
    )
    assert np.isnan(voice["low"])
    (tree,) = json.loads(as_json([comparison()]))
    assert tree["records"][1]["low"] is None
    assert tree["records"][2]["left_out"] == 1  # All: left out of any source
    assert tree["left_out"] == {"music": [], "voice": ["second | live"]}
    assert tree["difference_by_seed"]["gan"] == {"0": {"music": 0.5, "voice": -0.5, "All": 0.0}}
    assert tree["removed_frames"]["gan"] == 0.375


def test_numbers_of_things_are_said_in_words() -> None:
    assert (count(1, "seed"), count(2, "seed")) == ("one seed", "2 seeds")


def test_published_rows_stand_above_the_arms_of_this_run_with_the_number_of_clips() -> None:
    (published,) = read_published()
    three = {name: comparison(name) for name in ("gnsdr", "gsir", "gsar")}
    table = published_table(published, three)
    assert table is not None
    lines = table.splitlines()
    assert lines[0] == "| voice, dB | GNSDR | GSIR | GSAR |"
    assert lines[2] == "| RNMF | 4.97 | 7.66 | 10.03 |"
    assert lines[-4] == "| **GAN, this run** | 5.50 | 5.50 | 5.50 |"
    assert "Huang" in table
    assert "This run used 1 of the 825 clips" in table


def test_a_run_on_all_published_clips_says_so() -> None:
    (published,) = read_published()
    few = replace(published, clips=1)
    three = {name: comparison(name) for name in ("gnsdr", "gsir", "gsar")}
    assert "This run used the same number of clips" in str(published_table(few, three))


def test_published_rows_need_all_their_statistics_and_their_source() -> None:
    (published,) = read_published()
    assert published_table(published, {"gnsdr": comparison("gnsdr")}) is None
    drums = replace(comparison("gnsdr"), sources=("drums", "bass"))
    assert published_table(published, dict.fromkeys(published.statistics, drums)) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"name": "mir1k", "mixing": "equal_energy", "root": "x"}, True),
        ({"name": "mir1k", "mixing": "as_recorded"}, False),
        ({"name": "musdb"}, False),
    ],
)
def test_published_rows_are_shown_only_for_the_papers_material(
    data: dict[str, str], expected: bool
) -> None:
    (published,) = read_published()
    assert comparable(published, data) is expected


def test_a_published_system_without_a_value_for_each_statistic_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(
        "- {data: {name: x}, source: voice, clips: 1, statistics: [gnsdr, gsir], citation: A paper,"
        " systems: [{label: DNN, values: [1.0]}]}"
    )
    with pytest.raises(ValueError, match=r"published.yaml: DNN: expected 2 values \(gnsdr, gsir\)"):
        read_published(path)
