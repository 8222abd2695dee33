"""Tracks of files: sources by name, one length and rate a track, errors that name the path."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.files import FileTrack, find_stems, listed, read_tracks, track_folders
from gan_sep.data.memory import MemoryBudget, RememberedTrack, remember

AUDIO = AudioFormat(sample_rate=8000, channels=1, sources=("low", "high"))


def write(path: Path, value: float = 0.1, num_samples: int = 800, rate: int = 8000) -> Path:
    audio_files.write(path, torch.full((1, num_samples), value), rate)
    return path


def ramp_track(folder: Path) -> FileTrack:
    """A track whose low source counts its samples and whose high source is their negative."""
    ramp = torch.arange(800.0)[None]
    audio_files.write(folder / "low.wav", ramp, 8000)
    audio_files.write(folder / "high.wav", -ramp, 8000)
    return FileTrack("song", find_stems(folder, AUDIO.sources, ()), AUDIO)


def test_sources_are_matched_by_name_whatever_the_order_of_files(tmp_path: Path) -> None:
    write(tmp_path / "low.wav", 0.1)
    write(tmp_path / "high.flac", 0.2)
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.wav").touch()
    stems = find_stems(tmp_path, ("low", "high"), ignore=())
    assert [path.name for path in stems] == ["low.wav", "high.flac"]
    assert find_stems(tmp_path, ("high", "low"), ignore=()) == stems[::-1]


def test_a_piece_holds_the_samples_asked_for(tmp_path: Path) -> None:
    track = ramp_track(tmp_path)
    piece = track.read(100, 3)
    assert piece.tolist() == [[[100, 101, 102]], [[-100, -101, -102]]]
    assert track.read_source(1, 100, 2).tolist() == [[-100, -101]]
    assert track.read().shape == (2, 1, 800)
    assert track.num_samples == 800
    assert [path.name for path in track.files] == ["low.wav", "high.wav"]


def test_a_range_beyond_the_track_is_an_error(tmp_path: Path) -> None:
    for start, count in ((-1, 5), (798, 3), (800, None)):
        with pytest.raises(ValueError, match="track 'song': expected a piece within its 800"):
            ramp_track(tmp_path).read(start, count)


def test_a_missing_stem_is_named_with_what_was_found(tmp_path: Path) -> None:
    write(tmp_path / "low.wav")
    with pytest.raises(ValueError, match=r"no stem for 'high'.*found 'low\.wav'"):
        find_stems(tmp_path, ("low", "high"), ignore=())


def test_an_empty_track_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no stem for 'low', 'high'.*found nothing"):
        find_stems(tmp_path, ("low", "high"), ignore=())


def test_a_stem_not_asked_for_is_an_error_unless_ignored(tmp_path: Path) -> None:
    for name in ("low", "high", "mixture"):
        write(tmp_path / f"{name}.wav")
    assert len(find_stems(tmp_path, ("low", "high"), ignore=("mixture",))) == 2
    with pytest.raises(ValueError, match=r"unexpected stem 'mixture\.wav'; audio\.sources"):
        find_stems(tmp_path, ("low", "high"), ignore=())


def test_one_source_in_two_files_is_an_error(tmp_path: Path) -> None:
    for name in ("low.wav", "low.flac", "high.wav"):
        write(tmp_path / name)
    with pytest.raises(ValueError, match=r"one file per source, got low\.flac and low\.wav"):
        find_stems(tmp_path, ("low", "high"), ignore=())


def test_stems_of_different_length_or_rate_are_an_error(tmp_path: Path) -> None:
    first = write(tmp_path / "low.wav")
    shorter = write(tmp_path / "high.wav", num_samples=799)
    with pytest.raises(ValueError, match=r"high\.wav: expected the length of low\.wav .* got 799"):
        FileTrack("song", [first, shorter], AUDIO)
    faster = write(tmp_path / "high.wav", rate=16000)
    with pytest.raises(ValueError, match=r"high\.wav: expected the sample rate .* got 16000"):
        FileTrack("song", [first, faster], AUDIO)


def test_a_corrupt_stem_is_an_error_when_the_data_set_is_built(tmp_path: Path) -> None:
    write(tmp_path / "song" / "low.wav")
    (tmp_path / "song" / "high.wav").write_bytes(b"RIFF and nothing more")
    with pytest.raises(ValueError, match=r"high\.wav: not readable as audio"):
        read_tracks([tmp_path / "song"], AUDIO)


def test_track_folders_name_the_level_that_was_expected(tmp_path: Path) -> None:
    write(tmp_path / "set" / "train" / "song" / "low.wav")
    assert [f.name for f in track_folders(tmp_path / "set", "train")] == ["song"]
    hint = rf"did you mean data\.root={tmp_path / 'set'}\?"
    with pytest.raises(FileNotFoundError, match=hint):
        track_folders(tmp_path, "train")
    with pytest.raises(FileNotFoundError, match=hint):
        track_folders(tmp_path / "set" / "train", "train")
    with pytest.raises(FileNotFoundError, match=r"test: no such folder.* holds 'train'"):
        track_folders(tmp_path / "set", "test")
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        track_folders(tmp_path / "absent", "train")


def test_a_split_without_track_folders_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match="expected one folder per track, found no folder"):
        track_folders(tmp_path, "train")
    write(tmp_path / "train" / "low.wav")
    with pytest.raises(ValueError, match=r"found audio files directly in it: 'low\.wav'"):
        track_folders(tmp_path, "train")


def test_a_long_list_in_a_message_is_cut() -> None:
    assert listed(map(str, range(10)), most=2) == "'0', '1' and 8 more"


def test_a_remembered_track_reads_its_files_once_and_gives_away_copies(tmp_path: Path) -> None:
    [track] = remember([ramp_track(tmp_path)], AUDIO, gigabytes=1)
    piece = track.read(5, 2)
    piece.zero_()
    for path in track.files:
        path.unlink()
    assert track.read(5, 2).tolist() == [[[5, 6]], [[-5, -6]]]
    assert track.read_source(1, 5, 2).tolist() == [[-5, -6]]
    with pytest.raises(ValueError, match="expected a piece within"):
        track.read(799, 2)


def test_a_track_beyond_the_budget_is_read_from_its_files(tmp_path: Path) -> None:
    track = ramp_track(tmp_path)
    budget = MemoryBudget(100)
    assert budget.reserve(60)
    assert not budget.reserve(41)
    assert budget.reserve(40)
    remembered = RememberedTrack(track, 6400, MemoryBudget(6399))
    np.testing.assert_array_equal(remembered.read(5, 2), track.read(5, 2))
    np.testing.assert_array_equal(remembered.read_source(1, 5, 2), track.read_source(1, 5, 2))
    for path in track.files:
        path.unlink()
    with pytest.raises(FileNotFoundError):
        remembered.read(5, 2)
