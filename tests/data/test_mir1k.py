"""mir1k: the published split, mixed at equal energy."""

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


def test_voice_and_music_have_equal_energy_unless_left_as_recorded(root: Path) -> None:
    equal = Config(root=root).build(AUDIO, "train")[0].read()
    torch.testing.assert_close(*equal.square().sum((1, 2)))
    recorded = Config(root=root, mixing="as_recorded").build(AUDIO, "train")[0].read(3, 1)
    torch.testing.assert_close(recorded, torch.tensor([[[0.1]], [[0.3]]]))


def test_errors_name_what_was_expected(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must hold Wavfile/SINGER_N_M\.wav"):
        Config(root=root / "Wavfile").build(AUDIO, "train")
    with pytest.raises(ValueError, match=r"audio\.sources: data set mir1k has the sources music"):
        Config(root=root).build(AudioFormat(), "train")
    with pytest.raises(ValueError, match="memory_gb: expected at least 0"):
        Config(root=root, memory_gb=-1)


def test_a_split_without_clips_and_a_missing_development_clip_are_errors(root: Path) -> None:
    (root / "Wavfile" / "amy_9_08.wav").unlink()
    with pytest.raises(ValueError, match="no clip 'amy_9_08' to validate on"):
        Config(root=root).build(AUDIO, "valid")
    for name in ("Ani_1_01", "amy2_1_01"):
        (root / "Wavfile" / f"{name}.wav").unlink()
    with pytest.raises(ValueError, match="found no clip of the test split"):
        Config(root=root).build(AUDIO, "test")


def test_the_real_clips_load_at_equal_energy() -> None:
    folder = os.environ.get("GAN_SEP_DATA")
    if not folder or not (Path(folder) / "mir-1k").is_dir():
        pytest.skip("needs mir-1k in the folder that GAN_SEP_DATA names")
    config = Config(root=Path(folder) / "mir-1k")
    counts = [len(config.build(AUDIO, split)) for split in ("train", "valid", "test")]
    assert counts == [171, 4, 75]
    energies = config.build(AUDIO, "valid")[0].read().square().sum((1, 2))
    torch.testing.assert_close(energies[0], energies[1])
