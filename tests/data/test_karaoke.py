"""Karaoke clips: channels as sources, mixing at equal energy, and the folder they lie in."""

from pathlib import Path

import pytest
import torch

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.karaoke import Clip, find_clips

AUDIO = AudioFormat(sample_rate=16000, channels=1, sources=("music", "voice"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A clip of 100 samples whose music is 0.1 and whose voice is 0.3."""
    path = tmp_path / "Wavfile" / "clip.wav"
    audio_files.write(path, torch.tensor([[0.1], [0.3]]).expand(2, 100), 16000)
    return path


def test_as_recorded_music_is_the_left_channel_and_voice_the_right(path: Path) -> None:
    track = Clip(path, AUDIO, "as_recorded")
    assert (track.name, track.num_samples, track.files) == ("clip", 100, (path,))
    torch.testing.assert_close(track.read(3, 1), torch.tensor([[[0.1]], [[0.3]]]))


def test_sources_come_in_the_order_asked_for_and_copied_to_stereo(path: Path) -> None:
    audio = AudioFormat(sample_rate=16000, channels=2, sources=("voice", "music"))
    piece = Clip(path, audio, "as_recorded").read(3, 1)
    torch.testing.assert_close(piece, torch.tensor([[[0.3], [0.3]], [[0.1], [0.1]]]))


def test_equal_energy_gives_both_sources_the_mean_energy(path: Path) -> None:
    sources = Clip(path, AUDIO, "equal_energy").read()
    # (0.1^2 + 0.3^2) / 2 = 0.05 a sample
    torch.testing.assert_close(sources.square().mean((1, 2)), torch.tensor([0.05, 0.05]))


def test_equal_energy_over_the_clip_not_over_the_piece(path: Path) -> None:
    voice = torch.cat([torch.full((50,), 0.3), torch.zeros(50)])
    audio_files.write(path, torch.stack([torch.full((100,), 0.1), voice]), 16000)
    track = Clip(path, AUDIO, "equal_energy")
    whole = track.read()
    assert torch.equal(track.read(20, 30), whole[..., 20:50])
    torch.testing.assert_close(*whole.square().sum((1, 2)))


def test_a_silent_channel_cannot_be_mixed_at_equal_energy(path: Path) -> None:
    audio_files.write(path, torch.tensor([[0.1], [0.0]]).expand(2, 100), 16000)
    with pytest.raises(ValueError, match=r"clip\.wav: a channel is silent .*as_recorded"):
        Clip(path, AUDIO, "equal_energy").read()


def test_a_mono_clip_is_an_error(path: Path) -> None:
    audio_files.write(path, torch.zeros(1, 100), 16000)
    with pytest.raises(ValueError, match=r"clip\.wav: expected 2 channels.*got 1"):
        Clip(path, AUDIO, "as_recorded")


def test_a_clip_twice_is_an_error(path: Path) -> None:
    audio_files.write(path.with_suffix(".flac"), torch.zeros(2, 100), 16000)
    with pytest.raises(ValueError, match=r"one clip twice, clip\.flac and clip\.wav"):
        find_clips(path.parents[1], "NAME.wav")


def test_wrong_levels_and_empty_folders_name_what_was_expected(path: Path) -> None:
    root = path.parents[1]
    with pytest.raises(FileNotFoundError, match=rf"did you mean data\.root={root}\?"):
        find_clips(root / "Wavfile", "NAME.wav")
    (root / "empty" / "Wavfile").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"expected clips NAME\.wav, found no audio"):
        find_clips(root / "empty", "NAME.wav")
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        find_clips(root / "absent", "NAME.wav")
