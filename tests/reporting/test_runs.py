"""Reading what runs left behind, and every way in which it can be broken."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from gan_sep.reporting.frame import leaves
from gan_sep.reporting.runs import ArmRun, all_rows, find_arms, read_rows

ROWS = Path("evaluation", "test", "rows.csv")
SETTINGS = Path("evaluation", "test", "settings.yaml")

HEADER = "seed,arm,track,source,metric,value"


def write_arm(run: Path, name: str, lines: list[str]) -> Path:
    path = run / name / ROWS
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_arms_are_found_by_seed_with_plain_first(tmp_path: Path) -> None:
    for name in ("seed10-gan", "seed2-a_loss", "seed2-plain", "seed10-plain", "seed2-gan"):
        (tmp_path / name).mkdir()
    (tmp_path / "report").mkdir()
    assert [(run.seed, run.arm) for run in find_arms([tmp_path])] == [
        (2, "plain"),
        (2, "gan"),
        (2, "a_loss"),
        (10, "plain"),
        (10, "gan"),
    ]


def test_folders_of_single_arms_leave_out_what_lies_beside_them(tmp_path: Path) -> None:
    for name in ("seed0-plain", "seed0-gan", "seed0-gan_r1"):
        (tmp_path / name).mkdir()
    found = find_arms([tmp_path / "seed0-gan_r1", tmp_path / "seed0-plain"])
    assert [run.arm for run in found] == ["plain", "gan_r1"]
    with pytest.raises(FileNotFoundError, match="found none"):
        find_arms([tmp_path / "seed1-plain"])


def test_rows_of_another_arm_or_seed_are_refused(tmp_path: Path) -> None:
    write_arm(tmp_path, "seed0-gan", ["0,mixture,a,x,usdr,1", "0,gan_r1,a,x,usdr,2"])
    with pytest.raises(ValueError, match="expected rows of arm gan and seed 0, got arm gan_r1 and"):
        ArmRun.at(tmp_path / "seed0-gan").rows()
    write_arm(tmp_path, "seed1-gan", ["0,gan,a,x,usdr,2"])
    with pytest.raises(ValueError, match="arm gan and seed 1, got arm gan and seed 0; folders"):
        ArmRun.at(tmp_path / "seed1-gan").rows()


def test_a_folder_without_arms_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="found none; name the folder above them"):
        find_arms([tmp_path])


def test_a_folder_named_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "seed0-gan copy").mkdir()
    with pytest.raises(ValueError, match="expected a folder named seed0-plain, seed0-gan"):
        find_arms([tmp_path])


def test_the_same_arm_of_one_seed_in_two_runs_is_refused(tmp_path: Path) -> None:
    for run in ("first", "second"):
        (tmp_path / run / "seed0-gan").mkdir(parents=True)
    with pytest.raises(ValueError, match="both are arm gan of seed 0"):
        find_arms([tmp_path / "first", tmp_path / "second"])


@pytest.mark.parametrize("asked", ["config", "environment"])
def test_a_missing_file_is_named(tmp_path: Path, asked: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{asked}.*: not there; train and evaluate"):
        getattr(ArmRun(tmp_path, 0, "gan"), asked)


def test_missing_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"rows.csv: not there; train and evaluate"):
        ArmRun(tmp_path, 0, "gan").rows()


def test_rows_are_read_to_the_last_bit_and_names_stay_text(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    path = write_arm(tmp_path, "x", [f"0,gan,NA,007,usdr,{value!r}", "0,gan,b,007,usdr,nan"])
    rows = read_rows(path)
    assert rows["track"].tolist() == ["NA", "b"]
    assert rows["source"].tolist() == ["007", "007"]
    assert rows["value"][0] == value
    assert np.isnan(rows["value"][1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed,arm,track,value\n", "expected the columns seed, arm, track, source, metric, value"),
        (f"{HEADER}\n0,gan,a,drums,usdr,loud\n", "expected numbers as seed and value"),
        (f"{HEADER}\n0,gan,a,drums,usdr,1\n0,gan,a,drums,usdr,1\n", "more than one row for"),
    ],
)
def test_damaged_rows_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"rows.csv: {message}"):
        read_rows(path)


def test_the_mixtures_rows_of_both_arms_count_once_within_rounding(tmp_path: Path) -> None:
    write_arm(tmp_path, "seed0-plain", ["0,mixture,a,x,usdr,1.0", "0,plain,a,x,usdr,2"])
    write_arm(tmp_path, "seed0-gan", ["0,mixture,a,x,usdr,1.0000001", "0,gan,a,x,usdr,3"])
    rows = all_rows(find_arms([tmp_path]))
    assert rows[["arm", "value"]].to_numpy().tolist() == [["mixture", 1], ["plain", 2], ["gan", 3]]


def test_a_silent_source_of_the_mixture_is_nan_in_both_arms_and_counts_once(tmp_path: Path) -> None:
    for arm in ("plain", "gan"):
        write_arm(tmp_path, f"seed0-{arm}", ["0,mixture,a,x,usdr,nan", f"0,{arm},a,x,usdr,2"])
    assert all_rows(find_arms([tmp_path]))["arm"].tolist() == ["mixture", "plain", "gan"]


@pytest.mark.parametrize("other", ["1.5", "nan"])
def test_arms_that_disagree_about_the_mixture_are_refused(tmp_path: Path, other: str) -> None:
    write_arm(tmp_path, "seed0-plain", ["0,mixture,a,x,usdr,1", "0,plain,a,x,usdr,2"])
    write_arm(tmp_path, "seed0-gan", [f"0,mixture,a,x,usdr,{other}", "0,gan,a,x,usdr,3"])
    with pytest.raises(ValueError, match="track a, source x, metric usdr: the arms' rows give"):
        all_rows(find_arms([tmp_path]))


def test_records_are_read_by_kind_without_a_last_line_that_a_kill_cut(tmp_path: Path) -> None:
    text = '{"step": 1, "kind": "train"}\n{"step": 1, "kind": "valid"}\n{"step": 2, "ki'
    (tmp_path / "records.jsonl").write_text(text)
    run = ArmRun(tmp_path, 0, "plain")
    assert run.records("valid") == [{"step": 1, "kind": "valid"}]
    assert run.timing == []


def test_numbers_in_nested_records_are_told_by_path_and_source() -> None:
    record = {
        "loss": {
            "discriminator": {"drums": 0.2, "bass": 0.4, "vocals": None},
            "total": 2,
            "none": None,
        },
        "sources": {"drums": {"accuracy": {"train": 1.0}, "histogram": [1, 2]}},
    }
    assert list(leaves(record, ("drums", "bass", "vocals"))) == [
        ("drums", "loss/discriminator", 0.2),
        ("bass", "loss/discriminator", 0.4),
        ("", "loss/total", 2.0),
        ("drums", "accuracy/train", 1.0),
    ]


def write_settings(run: Path, name: str, shifts: int) -> None:
    settings = {
        "audio": {"sample_rate": 16000},
        "data": {"name": "synthetic"},
        "evaluation": {
            "segment_seconds": 8.0,
            "overlap": 0.25,
            "shifts": shifts,
            "max_shift_seconds": 0.5,
            "normalize": False,
            "metrics": ["sdr"],
        },
    }
    (run / name / SETTINGS).write_text(yaml.safe_dump(settings))


def test_arms_evaluated_with_different_settings_are_refused(tmp_path: Path) -> None:
    for arm, shifts in (("plain", 0), ("gan", 10)):
        write_arm(tmp_path, f"seed0-{arm}", [f"0,{arm},a,drums,sdr,1.0"])
        write_settings(tmp_path, f"seed0-{arm}", shifts)
    with pytest.raises(ValueError, match=r"seed0-gan: evaluated with shifts 10, .* with 0"):
        all_rows(find_arms([tmp_path]))
    write_settings(tmp_path, "seed0-gan", 0)
    assert len(all_rows(find_arms([tmp_path]))) == 2


def test_arms_of_different_formats_are_refused(tmp_path: Path) -> None:
    for arm in ("plain", "gan"):
        write_arm(tmp_path, f"seed0-{arm}", [f"0,{arm},a,drums,sdr,1.0"])
        write_settings(tmp_path, f"seed0-{arm}", 0)
    path = tmp_path / "seed0-gan" / SETTINGS
    path.write_text(path.read_text().replace("16000", "44100"))
    with pytest.raises(ValueError, match=r"evaluated with audio .*44100.* with .*16000"):
        all_rows(find_arms([tmp_path]))


def test_seeds_that_disagree_about_the_mixture_are_refused(tmp_path: Path) -> None:
    for seed, value in ((0, 1.0), (1, 1.5)):
        lines = [f"{seed},mixture,a,drums,sdr,{value}", f"{seed},gan,a,drums,sdr,2.0"]
        write_arm(tmp_path, f"seed{seed}-gan", lines)
    with pytest.raises(ValueError, match=r"give 1\.0 \(seed 0\) and 1\.5 \(seed 1\) for the"):
        all_rows(find_arms([tmp_path]))


def test_oracles_that_both_arms_hold_count_once(tmp_path: Path) -> None:
    for arm in ("plain", "gan"):
        lines = [f"0,{arm},a,drums,sdr,1.0", "0,irm1,a,drums,sdr,7.0"]
        write_arm(tmp_path, f"seed0-{arm}", lines)
    rows = all_rows(find_arms([tmp_path]))
    assert rows["arm"].tolist() == ["plain", "irm1", "gan"]
