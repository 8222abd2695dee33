"""Tables: what they print for known comparisons, and what they tell besides the numbers."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gan_sep.config.loader import load, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.evaluation.metrics import statistics
from gan_sep.names import from_cell
from gan_sep.reporting.effects import COLUMNS, as_csv, as_json, effects
from gan_sep.reporting.formats import (
    count,
    csv_text,
    decimals,
    interval,
    level,
    number_of_seeds,
    plain_text,
    probability,
    signed,
)
from gan_sep.reporting.published import Published, comparable, published_table, read_published
from gan_sep.reporting.remarks import reading, remarks
from gan_sep.reporting.tables import beyond_sdr, console, markdown, markdown_grid
from gan_sep.statistics.compare import Comparison, Effect

NAN = float("nan")
CONFIGS = Path(__file__).parents[2] / "configs"


def comparison(statistic: str = "sdr") -> Comparison:
    """Two tracks, two sources; the second track left out of the voice."""
    return Comparison(
        statistic=statistics()[statistic],
        baseline="plain",
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
                p_values=np.array([0.0312, NAN, 0.0004]),
                seed_deviation=np.full(3, NAN),
                seeds_needed={0.1: np.full(3, NAN), 0.2: np.full(3, NAN)},
            )
        },
        left_out={"music": (), "voice": ("second | live",)},
        removed={"mixture": 0.25, "plain": 0.25, "gan": 0.375},
    )


def several_seeds() -> Comparison:
    """Seeds 3 and 7, which differ by 0, 1 and 0.5 dB in what the arm changes."""
    one = comparison()
    effect = replace(
        one.effects["gan"],
        seed_differences=np.array([[0.5, 0, 0.25], [0.5, -1, -0.25]]),
        seed_deviation=np.array([0, 0.707, 0.354]),
        seeds_needed={0.1: np.array([2, np.inf, 97]), 0.2: np.array([2, np.inf, 26])},
    )
    return replace(one, seeds=(3, 7), effects={"gan": effect})


def with_more_arms() -> Comparison:
    """A second arm, with the effect of the first, and an oracle."""
    one = comparison()
    levels = {**one.levels, "hinge": one.levels["gan"], "irm1": np.array([9.0, 8.0, 8.5])}
    return replace(one, levels=levels, effects=dict.fromkeys(("gan", "hinge"), one.effects["gan"]))


def test_the_markdown_table_has_arms_down_and_sources_across() -> None:
    lines = markdown(effects([comparison()])).splitlines()
    assert lines[2:12] == [
        "| dB, higher is better | music | voice | All |",
        "| --- | ---: | ---: | ---: |",
        "| mixture | -1.00 | 0.00 | -0.50 |",
        "| plain | 4.00 | 6.00 | 5.00 |",
        "| GAN | 4.50 | 5.50 | 5.00 |",
        "| GAN - plain | +0.50 | -0.50 | +0.00 |",
        "| 95 % interval | [+0.25, +0.75] | - | [-0.12, +0.12] |",
        "| verdict | better | no interval | undecided |",
        "| p (Wilcoxon, Holm) | 0.031 | - | < 0.001 |",
        "| tracks | 2 | 1 | 2 |",
    ]


def test_of_several_arms_each_quantity_has_a_table_in_which_they_stand_below_each_other() -> None:
    lines = markdown(effects([with_more_arms()])).splitlines()
    heads = [line.split(" | ")[0] for line in lines[4:10]]
    assert heads == ["| mixture", "| plain", "| GAN", "| hinge", "| IRM1", "| tracks"]
    cells = "+0.50 [+0.25, +0.75] **better** | -0.50 no interval | +0.00 [-0.12, +0.12] undecided"
    assert lines[11:15] == [
        "| difference from plain, 95 % interval | music | voice | All |",
        "| --- | ---: | ---: | ---: |",
        f"| GAN | {cells} |",
        f"| hinge | {cells} |",
    ]
    assert lines[16] == "| p (Wilcoxon, Holm) | music | voice | All |"
    assert lines[18] == "| GAN | 0.031 | - | < 0.001 |"


def test_several_arms_and_seeds_have_tables_of_what_seeds_tell() -> None:
    several = several_seeds()
    changes = dict.fromkeys(("gan", "hinge"), several.effects["gan"])
    more = replace(with_more_arms(), seeds=several.seeds, effects=changes)
    text = markdown(effects([more]))
    assert "| standard deviation of seeds | music | voice | All |" in text
    assert "| hinge | 0.00 | 0.71 | 0.35 |" in text
    assert "| seeds to see 0.2 dB | music | voice | All |" in text
    assert "| hinge | 2 | never | 26 |" in text
    assert "| hinge - plain, seed 7 | +0.50 | -1.00 | -0.25 |" in text


def test_several_seeds_have_their_spread_and_the_number_that_would_do() -> None:
    text = markdown(effects([several_seeds()]))
    assert "| standard deviation of seeds | 0.00 | 0.71 | 0.35 |" in text
    assert "| seeds to see 0.1 dB | 2 | never | 97 |" in text
    assert "| GAN - plain, seed 3 | +0.50 | +0.00 | +0.25 |" in text
    assert "| GAN - plain, seed 7 | +0.50 | -1.00 | -0.25 |" in text


def test_the_console_has_a_line_for_each_of_several_arms() -> None:
    lines = console(effects([with_more_arms()])).splitlines()
    assert [" ".join(line.split()) for line in lines[1:6]] == [
        "music voice All All - plain 95 % interval verdict",
        "mixture -1.00 0.00 -0.50",
        "plain 4.00 6.00 5.00",
        "GAN 4.50 5.50 5.00 +0.00 [-0.12, +0.12] undecided",
        "hinge 4.50 5.50 5.00 +0.00 [-0.12, +0.12] undecided",
    ]
    assert len(lines[4]) == len(lines[5]) == len(lines[1]) - len("verdict") + len("undecided") - 2


def test_metrics_beyond_sdr_have_a_line_each_with_the_digits_of_their_size() -> None:
    small = {arm: values * 1e-5 for arm, values in comparison("l1_freq").levels.items()}
    both = [comparison("onset_f1"), replace(comparison("l1_freq"), levels=small)]
    lines = beyond_sdr(effects(both)).splitlines()
    assert lines[0] == (
        "| All, mean of tracks | scale | mixture | plain | GAN | GAN - plain | 95 % interval "
        "| verdict |"
    )
    assert lines[2].startswith("| F1 of onsets | higher is better | -0.500 | 5.000 | 5.000 | +0.0")
    assert lines[3].startswith(
        "| L1 of magnitude spectrograms | lower is better | -0.00000500 | 0.00005000 | "
    )
    assert beyond_sdr(effects([])) == ""


def test_metrics_beyond_sdr_of_several_arms_have_a_line_per_arm_with_what_is_decided() -> None:
    several = with_more_arms()
    worse = replace(several.effects["hinge"], verdicts=("worse",) * 3)
    several = replace(several, effects={**several.effects, "hinge": worse})
    lines = beyond_sdr(
        effects([several, replace(several, statistic=statistics()["mr_stft"])])
    ).splitlines()
    assert lines[0] == (
        "| All, mean of tracks | SDR (BSSEval v4), median of tracks, dB, higher is better "
        "| Multi-resolution STFT distance, lower is better |"
    )
    assert lines[2:6] == [
        "| mixture | -0.50 | -0.500 |",
        "| plain | 5.00 | 5.000 |",
        "| GAN | 5.00 | 5.000 |",
        "| hinge | 5.00 **worse** | 5.000 **worse** |",
    ]
    assert lines[-1].startswith("- ")


def test_the_console_table_is_aligned_and_fits_110_columns() -> None:
    text = console(effects([comparison(), comparison("usdr")]))
    assert max(map(len, text.splitlines())) <= 110
    lines = text.splitlines()
    assert lines[0] == "SDR (BSSEval v4), median of tracks, dB, higher is better"
    assert len({len(line) for line in lines[1:6]}) == 1
    assert " ".join(lines[2].split()) == "music -1.00 4.00 4.50 +0.50 [+0.25, +0.75] better 2"


def test_names_with_markup_are_shown_as_they_are_on_one_line() -> None:
    name = "<img src=x> [a](b) `c` *d*\n# e | f"
    shown = r"&lt;img src=x&gt; \[a\](b) \`c\` \*d\* \# e \| f"
    assert plain_text(name) == shown
    left_out = replace(comparison(), left_out={"music": (name,), "voice": ()})
    assert shown in markdown(effects([left_out]))
    cells = markdown_grid(["", "b"], [["<script>x\n|", "< 0.001 **better**"]]).splitlines()
    assert cells[2:] == [r"| &lt;script>x \| | < 0.001 **better** |"]


def test_no_text_of_a_csv_is_a_formula_and_each_comes_back() -> None:
    texts = ["=1+1", "+a", "-b", "@c", "\td", "'=e", "''-f", "g=h", "'i"]
    table = pd.DataFrame({"track": texts, "value": [-1.5] * len(texts)})
    written = pd.read_csv(StringIO(csv_text(table)), keep_default_na=False)
    assert written["track"].str.startswith(("=", "+", "-", "@", "\t")).sum() == 0
    assert written["value"].tolist() == table["value"].tolist()
    assert written["track"].map(from_cell).tolist() == texts


def test_a_remark_is_made_once_for_all_tables() -> None:
    text = markdown(effects([comparison(), comparison("sdr_mean")]))
    assert text.count("One seed (0)") == 1
    assert text.count(r"second \| live") == 1


def test_one_seed_is_called_one_seed_and_says_nothing_about_others() -> None:
    said = remarks(effects([comparison()]))
    assert any(
        line.startswith("One seed (0), hence no verdict: the interval speaks of other tracks")
        for line in said
    )


def test_several_seeds_are_listed_and_the_interval_speaks_of_others() -> None:
    said = " ".join(remarks(effects([several_seeds()])))
    assert "2 seeds (3, 7)" in said
    assert "the interval speaks of other seeds and other tracks." in said


def test_the_reader_is_told_how_many_verdicts_chance_alone_would_make() -> None:
    said = " ".join(reading(effects([comparison()] * 10)))  # one of three places has no interval
    assert "together hold 20 verdicts" in said
    assert "1.0 of them are to be expected by chance" in said
    assert "Seeds to see" not in said
    assert "Seeds to see 0.1 dB" in " ".join(reading(effects([several_seeds()])))


def test_remarks_count_tracks_removed_frames_and_name_tracks_left_out() -> None:
    said = remarks(effects([comparison()]))
    assert said[0].startswith("2 tracks, few for an interval. All is")
    assert "silence rule: mixture 25.0 %, plain 25.0 %, GAN 37.5 %." in " ".join(said)
    assert said[-1] == (
        "Left out of voice, one track without a finite value in every arm: second | live."
    )


def test_many_tracks_left_out_are_counted_and_the_first_named() -> None:
    names = tuple(f"t{number}" for number in range(7))
    many = replace(comparison(), left_out={"music": names, "voice": ()})
    expected = "7 tracks without a finite value in every arm: t0; t1; t2; t3; t4; and 2 more"
    assert expected in remarks(effects([many]))[-1]


def test_csv_and_json_hold_the_numbers_and_leave_nan_empty() -> None:
    table = pd.read_csv(StringIO(as_csv(effects([comparison()]))))
    voice = table[table["source"] == "voice"].iloc[0]
    assert (voice["difference"], voice["tracks"], voice["left_out"], voice["seeds"]) == (
        -0.5,
        1,
        1,
        1,
    )
    assert np.isnan(voice["low"])
    (tree,) = json.loads(as_json(effects([comparison()])))
    assert list(table) == list(COLUMNS)
    assert tree["records"][1]["low"] is None
    assert tree["records"][2]["left_out"] == 1  # All: left out of any source
    assert tree["left_out"] == {"music": [], "voice": ["second | live"]}
    assert tree["difference_by_seed"]["gan"] == {"0": {"music": 0.5, "voice": -0.5, "All": 0.0}}
    assert tree["removed_frames"]["gan"] == 0.375


def test_records_hold_every_arm_oracles_and_seeds_that_no_number_is_enough_of() -> None:
    more = pd.read_csv(StringIO(as_csv(effects([with_more_arms(), comparison("onset_f1")]))))
    assert more["arm"].tolist() == ["gan"] * 3 + ["hinge"] * 3 + ["gan"] * 3
    assert (more["irm1"][0], more["unit"][0]) == (9, "dB")
    assert list(more) == [*COLUMNS, "irm1"]
    (tree,) = json.loads(as_json(effects([several_seeds()])))
    needed = [record["seeds_for_0.1_dB"] for record in tree["records"]]
    assert needed == [2, "inf", 97]


def test_numbers_are_told_as_a_table_has_room_for_them() -> None:
    assert [probability(p) for p in (0.0004, 0.5, NAN)] == ["< 0.001", "0.500", "-"]
    assert [number_of_seeds(n) for n in (12.0, np.inf, NAN)] == ["12", "never", "-"]
    assert (level(NAN), signed(0.125, 3), interval(-1, 2, 0)) == ("-", "+0.125", "[-1, +2]")


@pytest.mark.parametrize(
    ("statistic", "size", "expected"),
    [("sdr", 1e-4, 2), ("l1_freq", 1e-4, 7), ("l1_freq", 2.0, 3), ("l1_freq", 1e5, 0)],
)
def test_decimals_follow_the_size_of_what_is_not_in_db(
    statistic: str, size: float, expected: int
) -> None:
    levels = {"plain": np.array([size, NAN, -size])}
    assert decimals(replace(comparison(statistic), levels=levels)) == expected
    assert decimals(replace(comparison(statistic), levels={"plain": np.zeros(3)})) == 2


def test_numbers_of_things_are_said_in_words() -> None:
    assert (count(1, "seed"), count(2, "seed")) == ("one seed", "2 seeds")


def mir1k() -> Published:
    return next(p for p in read_published() if p.data["name"] == "mir1k")


def test_published_rows_stand_above_the_arms_of_this_run_with_the_number_of_clips() -> None:
    published = mir1k()
    three = [comparison(name) for name in ("gnsdr", "gsir", "gsar")]
    table = published_table(published, effects(three))
    assert table is not None
    lines = table.splitlines()
    assert lines[0] == "| voice, dB | GNSDR | GSIR | GSAR |"
    assert lines[2] == "| RNMF | 4.97 | 7.66 | 10.03 |"
    assert lines[-4] == "| **GAN, this run** | 5.50 | 5.50 | 5.50 |"
    assert "Huang" in table
    assert "This run used 1 of the 825 clips" in table


def test_a_run_on_all_published_clips_says_so() -> None:
    published = mir1k()
    few = replace(published, clips=1)
    three = [comparison(name) for name in ("gnsdr", "gsir", "gsar")]
    assert "This run used the same number of clips" in str(published_table(few, effects(three)))


def test_published_rows_need_all_their_statistics_and_their_source() -> None:
    published = mir1k()
    assert published_table(published, effects([comparison("gnsdr")])) is None
    left_out = {"drums": (), "bass": ()}
    drums = [
        replace(comparison(name), sources=("drums", "bass"), left_out=left_out)
        for name in published.statistics
    ]
    assert published_table(published, effects(drums)) is None


def test_ikalas_rows_are_those_of_its_configuration_and_say_what_is_not_known() -> None:
    data = to_dict(load(RunConfig, CONFIGS / "ikala" / "small.yaml").data)
    (published,) = [p for p in read_published() if comparable(p, {"name": "ikala", **data})]
    table = str(published_table(published, effects(map(comparison, published.statistics))))
    assert "| DNN, 3 x 512 | 8.16 | 11.88 | 12.11 |" in table
    assert "| CVPNN | 8.87 | 13.38 | 11.37 |" in table
    assert "| WVPNN | 9.01 | 13.82 | 11.97 |" in table
    assert "2017; 189 test clips. Which clips they are" in table


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
    published = mir1k()
    assert comparable(published, data) is expected


def test_a_published_system_without_a_value_for_each_statistic_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(
        "- {data: {name: x}, source: voice, clips: 1, statistics: [gnsdr, gsir], citation: A paper,"
        " systems: [{label: DNN, values: [1.0]}]}"
    )
    with pytest.raises(ValueError, match=r"published.yaml: DNN: expected 2 values \(gnsdr, gsir\)"):
        read_published(path)
