"""ikala: the split by song, of the published size, and the released files it needs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.base import SPLITS
from gan_sep.data.ikala import Config, draw_splits

AUDIO = AudioFormat(sample_rate=16000, channels=1, sources=("music", "voice"))
# 206 songs, 46 of which have a verse beside their chorus.
CLIPS = (
    *(f"{10000 + song}_chorus" for song in range(206)),
    *(f"{10000 + song}_verse" for song in range(46)),
)


@pytest.fixture(scope="module")
def a_clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of 441 samples at 44.1 kHz whose music is 0.1 and whose voice is 0.3."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    audio_files.write(path, torch.tensor([[0.1], [0.3]]).expand(2, 441), 44100)
    return path.read_bytes()


@pytest.fixture
def root(tmp_path: Path, a_clip: bytes) -> Path:
    (tmp_path / "Wavfile").mkdir()
    for name in CLIPS:
        (tmp_path / "Wavfile" / f"{name}.wav").write_bytes(a_clip)
    return tmp_path


def songs(clips: Sequence[str]) -> set[str]:
    return {clip.split("_")[0] for clip in clips}


def test_every_clip_is_in_one_split_of_the_published_size(root: Path) -> None:
    names = {split: [t.name for t in Config(root=root).build(AUDIO, split)] for split in SPLITS}
    assert {split: len(clips) for split, clips in names.items()} == {
        "train": 59,
        "valid": 4,
        "test": 189,
    }
    assert sorted([*names["train"], *names["valid"], *names["test"]]) == sorted(CLIPS)
    assert all(clips == sorted(clips) for clips in names.values())


@pytest.mark.parametrize("seed", range(20))
def test_no_song_is_in_two_splits(seed: int) -> None:
    splits = draw_splits(CLIPS, seed)
    assert [len(splits[split]) for split in ("valid", "train", "test")] == [4, 59, 189]
    assert sum(len(songs(sorted(clips))) for clips in splits.values()) == 206


def test_the_seed_draws_the_split_whatever_the_order_of_the_clips() -> None:
    splits = draw_splits(CLIPS, 0)
    assert draw_splits(CLIPS[::-1], 0) == splits
    assert draw_splits(CLIPS, 1)["test"] != splits["test"]


def test_a_song_of_more_clips_than_any_split_has_room_for_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"found 252 clips of song 10000 .*too many to keep"):
        draw_splits([f"10000_{part}" for part in range(252)], 0)


def test_clips_are_resampled_and_mixed_as_recorded_or_at_equal_energy(root: Path) -> None:
    track = Config(root=root).build(AUDIO, "valid")[0]
    assert track.num_samples == 160
    torch.testing.assert_close(
        track.read(80, 1), torch.tensor([[[0.1]], [[0.3]]]), atol=1e-3, rtol=0
    )
    equal = Config(root=root, mixing="equal_energy").build(AUDIO, "valid")[0].read()
    torch.testing.assert_close(*equal.square().sum((1, 2)))


def test_more_or_fewer_clips_than_were_released_are_an_error(root: Path, a_clip: bytes) -> None:
    extra = root / "Wavfile" / "10000_bridge.wav"
    extra.write_bytes(a_clip)
    with pytest.raises(ValueError, match="Wavfile: expected the 252 clips of iKala, got 253"):
        Config(root=root).build(AUDIO, "train")
    extra.unlink()
    (root / "Wavfile" / "10000_chorus.wav").unlink()
    with pytest.raises(ValueError, match="expected the 252 clips of iKala, got 251"):
        Config(root=root).build(AUDIO, "train")


def test_files_of_another_rate_and_mono_files_are_errors(root: Path) -> None:
    name = sorted(draw_splits(CLIPS, 0)["train"])[0]
    path = root / "Wavfile" / f"{name}.wav"
    audio_files.write(path, torch.zeros(2, 160), 16000)
    with pytest.raises(ValueError, match=rf"{name}\.wav: expected 44100 Hz, .* got 16000 Hz"):
        Config(root=root).build(AUDIO, "train")
    audio_files.write(path, torch.zeros(1, 441), 44100)
    with pytest.raises(ValueError, match=rf"{name}\.wav: expected 2 channels.*got 1"):
        Config(root=root).build(AUDIO, "train")


def test_wrong_levels_sources_and_settings_name_what_was_expected(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"SONG_SECTION.*did you mean data\.root={root}\?"):
        Config(root=root / "Wavfile").build(AUDIO, "train")
    with pytest.raises(ValueError, match=r"audio\.sources: data set ikala has the sources music"):
        Config(root=root).build(AudioFormat(), "train")
    with pytest.raises(ValueError, match="memory_gb: expected at least 0"):
        Config(root=root, memory_gb=-1)
    with pytest.raises(ValueError, match="seed: expected at least 0"):
        Config(root=root, seed=-1)
