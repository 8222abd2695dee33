"""stem_folders: splits by folder, by title or by share, and the real seven-second songs."""

import os
from pathlib import Path

import pytest
import torch

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.config.loader import ConfigError, build
from gan_sep.data.base import Track
from gan_sep.data.stem_folders import Config
from gan_sep.data.validation import MUSDB18_VALIDATION

AUDIO = AudioFormat(sample_rate=8000, channels=1, sources=("low", "high"))


def make_tree(root: Path, split: str, titles: list[str]) -> None:
    for title in titles:
        for source in AUDIO.sources:
            path = root / split / title / f"{source}.wav"
            audio_files.write(path, torch.full((1, 80), 0.1), 8000)


def names(tracks: list[Track]) -> list[str]:
    return [track.name for track in tracks]


def test_every_split_has_its_folder(tmp_path: Path) -> None:
    make_tree(tmp_path, "train", ["b", "a"])
    make_tree(tmp_path, "valid", ["c"])
    make_tree(tmp_path, "test", ["d"])
    config = Config(root=tmp_path)
    assert names(config.build(AUDIO, "train")) == ["a", "b"]
    assert names(config.build(AUDIO, "valid")) == ["c"]
    assert names(config.build(AUDIO, "test")) == ["d"]


def test_a_list_of_titles_is_held_out_of_train(tmp_path: Path) -> None:
    make_tree(tmp_path, "train", ["a", "b", "c"])
    config = Config(root=tmp_path, valid=("b",))
    assert names(config.build(AUDIO, "train")) == ["a", "c"]
    assert names(config.build(AUDIO, "valid")) == ["b"]


def test_a_share_is_drawn_by_seed_and_splits_disjointly(tmp_path: Path) -> None:
    titles = [f"{number:02}" for number in range(10)]
    make_tree(tmp_path, "train", titles)
    draws = set()
    for seed in range(5):
        config = Config(root=tmp_path, valid=0.3, seed=seed)
        valid, train = names(config.build(AUDIO, "valid")), names(config.build(AUDIO, "train"))
        assert len(valid) == 3
        assert sorted(valid + train) == titles
        assert names(config.build(AUDIO, "valid")) == valid
        draws.add(tuple(valid))
    assert len(draws) > 1


def test_musdb18_holds_out_the_official_titles_and_misses_none_silently(tmp_path: Path) -> None:
    make_tree(tmp_path, "train", [*MUSDB18_VALIDATION[1:], "another"])
    with pytest.raises(ValueError, match=r"'ANiMAL - Rockshow' is not among its 14"):
        Config(root=tmp_path, valid="musdb18").build(AUDIO, "valid")
    make_tree(tmp_path, "train", [MUSDB18_VALIDATION[0]])
    config = Config(root=tmp_path, valid="musdb18")
    assert names(config.build(AUDIO, "valid")) == sorted(MUSDB18_VALIDATION)
    assert names(config.build(AUDIO, "train")) == ["another"]


def test_validation_that_leaves_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    make_tree(tmp_path, "train", ["a", "b"])
    with pytest.raises(ValueError, match="all 2 tracks are held out"):
        Config(root=tmp_path, valid=("a", "b")).build(AUDIO, "train")
    with pytest.raises(ValueError, match=r"share of 0\.9 takes 2 of its 2 tracks"):
        Config(root=tmp_path, valid=0.9).build(AUDIO, "valid")


def test_without_a_folder_for_validation_the_error_says_how_to_hold_tracks_out(
    tmp_path: Path,
) -> None:
    make_tree(tmp_path, "train", ["a"])
    with pytest.raises(FileNotFoundError, match=r"valid: no such folder; set data\.valid"):
        Config(root=tmp_path).build(AUDIO, "valid")


def test_a_folder_for_validation_and_held_out_tracks_at_once_are_an_error(tmp_path: Path) -> None:
    make_tree(tmp_path, "train", ["a"])
    make_tree(tmp_path, "valid", ["b"])
    with pytest.raises(ValueError, match="has a folder valid, so expected null"):
        Config(root=tmp_path, valid=0.5).build(AUDIO, "train")


def test_fields_out_of_range_are_errors_that_name_the_field() -> None:
    root = Path("songs")
    with pytest.raises(ValueError, match=r"valid: expected a share between 0 and 1, got 14\.0"):
        Config(root=root, valid=14.0)
    with pytest.raises(ValueError, match="valid: expected at least one title"):
        Config(root=root, valid=())
    with pytest.raises(ValueError, match="memory_gb: expected at least 0"):
        Config(root=root, memory_gb=-1)


def test_yaml_gives_each_kind_of_valid() -> None:
    for value, expected in (("musdb18", "musdb18"), (0.1, 0.1), (["a"], ("a",)), (None, None)):
        assert build(Config, {"root": "songs", "valid": value}, "data").valid == expected
    with pytest.raises(ConfigError, match=r"data\.valid: expected"):
        build(Config, {"root": "songs", "valid": "musdb19"}, "data")


def test_the_seven_second_songs_load_as_80_14_and_25_tracks() -> None:
    folder = os.environ.get("GAN_SEP_DATA")
    if not folder or not (Path(folder) / "musdb18-7s").is_dir():
        pytest.skip("needs musdb18-7s in the folder that GAN_SEP_DATA names")
    audio = AudioFormat(sample_rate=16000, channels=1)
    config = Config(root=Path(folder) / "musdb18-7s", valid="musdb18")
    train = config.build(audio, "train")
    assert [len(train), len(config.build(audio, "valid")), len(config.build(audio, "test"))] == [
        80,
        14,
        25,
    ]
    whole = train[0].read()
    torch.testing.assert_close(train[0].read(99_000, 5000), whole[..., 99_000:104_000])
    assert whole.shape == (4, 1, train[0].num_samples)
    assert whole.abs().amax() > 0.01
