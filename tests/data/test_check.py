"""Data are known before the first step: everything that is wrong with them, in one message."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gan_sep.audio import AudioFormat
from gan_sep.data import check, stem_folders
from gan_sep.data.base import DataError, Track
from gan_sep.data.check import (
    check_tracks,
    differences,
    fingerprint,
    open_splits,
    require_same,
    same_names,
)
from gan_sep.data.unpaired import mixture_tracks

RATE = 8000
AUDIO = AudioFormat(RATE, 1, ("low", "high"))
Groups = dict[str, list[Track]]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_SEP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two songs of a second in each split, all of other noise; the titles are the same."""
    rng = np.random.default_rng(0)
    for split in ("train", "valid", "test"):
        for song in ("a", "b"):
            for source in AUDIO.sources:
                write(tmp_path / "set" / split / song / f"{source}.wav", rng.normal(0, 0.1, RATE))
    return tmp_path / "set"


def write(path: Path, signal: np.ndarray, subtype: str = "FLOAT") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, signal, RATE, subtype=subtype)


def opened(root: Path) -> Groups:
    groups, errors = open_splits(stem_folders.Config(root), AUDIO)
    assert not errors
    return groups


def refused(root: Path, full: bool = True, least: int = 0) -> list[str]:
    """What the check says of a set that it refuses."""
    groups, errors = open_splits(stem_folders.Config(root), AUDIO)
    with pytest.raises(DataError) as error:
        check_tracks(groups, {"train": (least, "segments")}, full, errors.values())
    return list(error.value.offenders)


@pytest.mark.parametrize("full", [True, False])
def test_good_data_pass_and_equal_titles_are_told(root: Path, full: bool) -> None:
    groups = opened(root)
    check_tracks(groups, {"train": (RATE, "segments"), "test": (2049, "a metric")}, full)
    said = same_names(groups)
    assert len(said) == 6
    assert said[0] == f"{root / 'train/a'} and {root / 'valid/a'} have one name and other music"


def test_offenders_of_all_splits_come_in_one_message(root: Path) -> None:
    soundfile.write(root / "train/a/low.wav", np.zeros((RATE, 6)), RATE)
    (root / "valid/b/high.wav").unlink()
    (root / "valid/b/high.wav").symlink_to("elsewhere.wav")
    (root / "test/b/low.wav").write_bytes((root / "test/b/low.wav").read_bytes()[:9000])
    write(root / "test/b/high.wav", np.zeros(0))
    write(root / "train/b/low.wav", np.full(RATE, np.nan))
    write(root / "train/a/high.wav", np.full(RATE, np.inf))  # beside one that cannot be opened
    by_header = [
        "train/a/low.wav: expected 1 or 2 channels, got 6",
        "valid/b/high.wav: is a link to elsewhere.wav, which is not there",
        "test/b/low.wav: cut off or damaged: its header says 8000 samples, the file holds "
        f"{(9000 - 80) // 4}",
        "test/b/high.wav: expected audio, found a file of 0 samples",
    ]
    assert [line.removeprefix(f"{root}/") for line in refused(root, full=False)] == by_header
    by_length = ["train/b: expected at least 9000 samples in a track of train (segments), got 8000"]
    said = [line.removeprefix(f"{root}/") for line in refused(root, least=9000)]
    assert said[:5] == by_header + by_length
    place = "expected samples within full scale, -1 to 1, and at most 1000, got"
    assert said[5:] == [
        f"train/b/low.wav: {place} nan in channel 1 at 0.000 s",
        f"train/a/high.wav: {place} inf in channel 1 at 0.000 s",
    ]


def test_a_split_that_is_missing_is_one_offender_beside_those_of_other_splits(root: Path) -> None:
    (root / "train/a/low.wav").write_bytes(b"no sound")
    shutil.rmtree(root / "test")
    said = refused(root)
    assert len(said) == 2
    assert said[0].startswith(f"{root / 'train/a/low.wav'}: ")
    assert said[1].startswith(f"{root / 'test'}: no such folder; data.root must hold test/TRACK")


def test_where_no_split_is_there_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder$"):
        open_splits(stem_folders.Config(tmp_path / "nowhere"), AUDIO)


def test_ten_offenders_are_listed_and_the_others_counted() -> None:
    said = str(DataError([f"song {number}" for number in range(25)])).splitlines()
    assert said[0] == "25 problems with the data:"
    assert said[1:] == [*(f"    song {number}" for number in range(10)), "    and 15 more"]
    assert str(DataError(["song: short"])) == "song: short"


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_sample_that_is_no_sound_is_found_by_decoding(root: Path, value: float) -> None:
    signal = np.zeros(RATE)
    signal[2000] = value
    write(root / "test/a/high.wav", signal)
    (said,) = refused(root)
    assert said.startswith(f"{root / 'test/a/high.wav'}: expected samples within full scale")
    assert said.endswith("in channel 1 at 0.250 s")
    check_tracks(opened(root), {}, full=False)


def test_a_body_that_cannot_be_decoded_is_found(root: Path) -> None:
    path = root / "test/a/low.wav"
    path.unlink()
    write(path.with_suffix(".flac"), np.random.default_rng(1).normal(0, 0.1, RATE), "PCM_16")
    content = bytearray(path.with_suffix(".flac").read_bytes())
    content[4000:5000] = bytes(1000)
    path.with_suffix(".flac").write_bytes(content)
    (said,) = refused(root)
    assert said.startswith(f"{path.with_suffix('.flac')}: cannot be decoded")


def test_tracks_that_are_too_short_are_all_named_with_the_reason(root: Path) -> None:
    assert refused(root, least=RATE + 1) == [
        f"{root / 'train' / song}: expected at least 8001 samples in a track of train (segments), "
        "got 8000"
        for song in ("a", "b")
    ]


@pytest.mark.parametrize("full", [True, False])
def test_a_copy_under_another_name_is_refused_with_both_paths(root: Path, full: bool) -> None:
    shutil.copytree(root / "train/a", root / "test/another")
    assert refused(root, full) == [
        f"{root / 'train/a'}, of train, holds the same music as {root / 'test/another'}, of test; "
        "take one out"
    ]


def test_the_same_music_in_another_format_is_found_by_decoding(root: Path) -> None:
    signal = np.random.default_rng(2).integers(-9999, 9999, RATE).astype(np.int16)
    write(root / "train/a/low.wav", signal, "PCM_16")
    (root / "test/b/low.wav").unlink()
    write(root / "test/b/low.flac", signal, "PCM_16")
    (said,) = refused(root)
    assert said.startswith(f"{root / 'train/a'}, of train, holds the same music as")


def test_silence_is_no_shared_music_and_copies_within_a_split_may_be(root: Path) -> None:
    for split in ("train", "valid", "test"):
        write(root / split / "a/low.wav", np.zeros(RATE))
    shutil.copytree(root / "train/b", root / "train/copy")
    check_tracks(opened(root), {}, full=True)


@pytest.mark.parametrize(("group", "right"), [("train", True), ("valid", False), ("test", False)])
def test_unpaired_music_may_be_that_of_training_only(root: Path, group: str, right: bool) -> None:
    groups = opened(root)
    groups["unpaired"] = groups[group][:1]
    if right:
        check_tracks(groups, {}, full=True)
    else:
        with pytest.raises(DataError, match=f"of {group}, holds the same music as"):
            check_tracks(groups, {}, full=True)


def decoded(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that a check decodes."""
    found: list[str] = []
    original: Callable[[Path], check.Content] = check._decode

    def counting(path: Path) -> check.Content:
        found.append(str(path.relative_to(root)))
        return original(path)

    with monkeypatch.context() as patched:
        patched.setattr(check, "_decode", counting)
        check_tracks(opened(root), {}, full=True)
    return found


def test_files_are_decoded_once_and_again_when_they_change(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(decoded(root, monkeypatch)) == 12
    assert decoded(root, monkeypatch) == []
    write(root / "valid/a/low.wav", np.random.default_rng(3).normal(0, 0.1, RATE))
    os.utime(root / "valid/a/low.wav", ns=(1, 1))
    assert decoded(root, monkeypatch) == ["valid/a/low.wav"]


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "[" * 100_000, '{"a": ["x"]}'])
def test_a_damaged_cache_costs_time_and_no_more(
    root: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    check._cache().parent.mkdir()
    check._cache().write_text(content)
    assert len(decoded(root, monkeypatch)) == 12
    assert decoded(root, monkeypatch) == []


def test_a_fingerprint_is_of_names_lengths_and_files_and_not_of_places(
    root: Path, tmp_path: Path
) -> None:
    before = fingerprint(opened(root))
    moved = root.rename(tmp_path / "moved")
    assert fingerprint(opened(moved)) == before
    assert differences(before, before) == []
    shutil.copytree(moved / "train/a", moved / "train/T9")
    shutil.rmtree(moved / "test/a")
    write(moved / "valid/b/high.wav", np.ones(RATE) * 0.5)
    assert differences(before, fingerprint(opened(moved))) == [
        "test/a is gone",
        "train/T9 is new",
        "valid/b has changed",
    ]


def test_other_data_than_a_run_left_are_refused_with_the_songs(tmp_path: Path) -> None:
    path = tmp_path / "seed0-plain" / "data.json"
    before = {"train": {"a": "1 x", "b": "2 x"}}
    require_same(path, before)  # nothing was left
    path.parent.mkdir()
    path.write_text(json.dumps(before))
    require_same(path, before)
    now = {"train": {"b": "2 x"} | {f"T{number}": "1 x" for number in range(5)}}
    with pytest.raises(
        ValueError, match=r"seed0-plain: the data are no longer .* and 3 more;"
    ) as e:
        require_same(path, now)
    assert "train/a is gone, train/T0 is new, train/T1 is new and 3 more" in str(e.value)


@pytest.mark.parametrize("content", ["", "[]", '{"train": 1}', "[" * 100_000])
def test_a_damaged_fingerprint_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "data.json").write_text(content)
    with pytest.raises(ValueError, match=r"data\.json: expected the fingerprint"):
        require_same(tmp_path / "data.json", {"train": {"a": "1 x"}})


def test_a_track_that_is_a_link_to_nothing_is_named_and_not_left_out(root: Path) -> None:
    (root / "train/moved").symlink_to("/nowhere/moved")
    (said,) = refused(root)
    assert said.endswith("train/moved: is a link to /nowhere/moved, which is not there")


def test_all_unpaired_files_that_cannot_be_opened_are_named(root: Path, tmp_path: Path) -> None:
    for name in ("x", "y"):
        write(tmp_path / "mixtures" / f"{name}.wav", np.zeros((RATE, 6)))
    with pytest.raises(DataError) as error:
        mixture_tracks(tmp_path / "mixtures", AUDIO)
    assert [line.rpartition("/")[2] for line in error.value.offenders] == [
        "x.wav: expected 1 or 2 channels, got 6",
        "y.wav: expected 1 or 2 channels, got 6",
    ]
