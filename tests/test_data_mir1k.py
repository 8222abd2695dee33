"""mir1k: channels as sources, the published split, mixing at equal energy."""

import os
from pathlib import Path

import pytest
import torch

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.mir1k import VALIDATION, Config

AUDIO = AudioFormat(sample_rate=16000, channels=1, sources=("music", "voice"))
CLIPS = (*VALIDATION, "abjones_1_01", "amy_1_01", "amy2_1_01", "Ani_1_01")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Clips of 100 samples whose music is 0.1 and whose voice is 0.3."""
    signal = torch.tensor([[0.1], [0.3]]).expand(2, 100)
    for name in CLIPS:
        audio_files.write(tmp_path / "Wavfile" / f"{name}.wav", signal, 16000)
    return tmp_path


def test_the_split_goes_by_singer_and_the_four_development_clips(root: Path) -> None:
    config = Config(root=root)
    names = {
        split: [t.name for t in config.build(AUDIO, split)] for split in ("train", "valid", "test")
    }
    assert names == {
        "train": ["abjones_1_01", "amy_1_01"],
        "valid": list(VALIDATION),
        "test": ["Ani_1_01", "amy2_1_01"],
    }


def test_as_recorded_music_is_the_left_channel_and_voice_the_right(root: Path) -> None:
    track = Config(root=root, mixing="as_recorded").build(AUDIO, "train")[0]
    torch.testing.assert_close(track.read(3, 1), torch.tensor([[[0.1]], [[0.3]]]))


def test_sources_come_in_the_order_asked_for_and_copied_to_stereo(root: Path) -> None:
    audio = AudioFormat(sample_rate=16000, channels=2, sources=("voice", "music"))
    track = Config(root=root, mixing="as_recorded").build(audio, "train")[0]
    torch.testing.assert_close(track.read(3, 1), torch.tensor([[[0.3], [0.3]], [[0.1], [0.1]]]))


def test_equal_energy_gives_both_sources_the_mean_energy(root: Path) -> None:
    sources = Config(root=root).build(AUDIO, "train")[0].read()
    # (0.1^2 + 0.3^2) / 2 = 0.05 a sample
    torch.testing.assert_close(sources.square().mean((1, 2)), torch.tensor([0.05, 0.05]))


def test_equal_energy_over_the_clip_not_over_the_piece(root: Path) -> None:
    voice = torch.cat([torch.full((50,), 0.3), torch.zeros(50)])
    path = root / "Wavfile" / "abjones_1_01.wav"
    audio_files.write(path, torch.stack([torch.full((100,), 0.1), voice]), 16000)
    track = Config(root=root, memory_gb=0).build(AUDIO, "train")[0]
    whole = track.read()
    assert torch.equal(track.read(20, 30), whole[..., 20:50])
    torch.testing.assert_close(*whole.square().sum((1, 2)))


def test_a_silent_channel_cannot_be_mixed_at_equal_energy(root: Path) -> None:
    path = root / "Wavfile" / "abjones_1_01.wav"
    audio_files.write(path, torch.tensor([[0.1], [0.0]]).expand(2, 100), 16000)
    with pytest.raises(ValueError, match=r"abjones_1_01\.wav: a channel is silent .*as_recorded"):
        Config(root=root).build(AUDIO, "train")[0].read()


def test_wrong_levels_and_empty_folders_name_what_was_expected(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"did you mean data\.root={root}\?"):
        Config(root=root / "Wavfile").build(AUDIO, "train")
    (root / "empty" / "Wavfile").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"expected clips SINGER_N_M\.wav, found no audio"):
        Config(root=root / "empty").build(AUDIO, "train")
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        Config(root=root / "absent").build(AUDIO, "train")


def test_a_split_without_clips_and_a_missing_development_clip_are_errors(root: Path) -> None:
    (root / "Wavfile" / "amy_9_08.wav").unlink()
    with pytest.raises(ValueError, match="no clip 'amy_9_08' to validate on"):
        Config(root=root).build(AUDIO, "valid")
    for name in ("Ani_1_01", "amy2_1_01"):
        (root / "Wavfile" / f"{name}.wav").unlink()
    with pytest.raises(ValueError, match="found no clip of the test split"):
        Config(root=root).build(AUDIO, "test")


def test_a_mono_clip_a_clip_twice_and_other_sources_are_errors(root: Path) -> None:
    path = root / "Wavfile" / "amy_1_01.wav"
    audio_files.write(path, torch.zeros(1, 100), 16000)
    with pytest.raises(ValueError, match=r"amy_1_01\.wav: expected 2 channels.*got 1"):
        Config(root=root).build(AUDIO, "train")
    audio_files.write(path.with_suffix(".flac"), torch.zeros(2, 100), 16000)
    with pytest.raises(ValueError, match=r"one clip twice, amy_1_01\.flac and amy_1_01\.wav"):
        Config(root=root).build(AUDIO, "train")
    with pytest.raises(ValueError, match=r"audio\.sources: data set mir1k has the sources music"):
        Config(root=root).build(AudioFormat(), "train")
    with pytest.raises(ValueError, match="memory_gb: expected at least 0"):
        Config(root=root, memory_gb=-1)


def test_the_real_clips_load_at_equal_energy() -> None:
    folder = os.environ.get("GAN_SEP_DATA")
    if not folder or not (Path(folder) / "mir-1k").is_dir():
        pytest.skip("needs mir-1k in the folder that GAN_SEP_DATA names")
    config = Config(root=Path(folder) / "mir-1k")
    counts = [len(config.build(AUDIO, split)) for split in ("train", "valid", "test")]
    assert counts == [171, 4, 75]
    energies = config.build(AUDIO, "valid")[0].read().square().sum((1, 2))
    torch.testing.assert_close(energies[0], energies[1])
