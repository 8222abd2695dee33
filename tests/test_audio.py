"""Audio files: pieces equal slices of the whole, files appear whole, errors name the file."""

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from gan_sep import audio
from gan_sep.audio import AudioFormat


def noise(seconds: float, channels: int = 2, rate: int = 44100, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, round(seconds * rate), generator=generator)


def test_the_format_refuses_what_no_signal_can_have() -> None:
    with pytest.raises(ValueError, match=r"sample_rate: expected at least 1000 Hz, got 10"):
        AudioFormat(sample_rate=10)
    with pytest.raises(ValueError, match=r"channels: expected 1 .* got 3"):
        AudioFormat(channels=3)
    with pytest.raises(ValueError, match="sources: expected distinct names"):
        AudioFormat(sources=("voice", "voice"))
    assert AudioFormat(sample_rate=16000).samples(0.5) == 8000


@pytest.mark.parametrize("suffix", audio.SUFFIXES)
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (48000, 2)])
def test_a_piece_equals_the_same_slice_of_the_resampled_whole(
    tmp_path: Path, suffix: str, rate: int, channels: int
) -> None:
    path = tmp_path / f"noise{suffix}"
    audio.write(path, noise(2), 44100)
    native, _ = soundfile.read(path, dtype="float32", always_2d=True)
    whole = audio.with_channels(torch.from_numpy(native).T, channels)
    whole = audio.resample(whole, 44100, rate)
    starts = np.random.default_rng(0).integers(0, whole.shape[-1] - 700, 30)
    for start in [0, 1, whole.shape[-1] - 700, *starts]:
        piece = audio.read(path, rate, channels, int(start), 700)
        torch.testing.assert_close(piece, whole[:, start : start + 700], atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2, 4, 6, 30])
def test_the_end_of_a_vorbis_file_is_read_where_it_is(tmp_path: Path, seconds: int) -> None:
    path = tmp_path / "song.ogg"
    audio.write(path, noise(seconds), 44100)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    for before_the_end in range(500, 12000, 500):
        start = len(whole) - before_the_end
        piece = audio.read(path, 44100, 2, start, 500)
        np.testing.assert_array_equal(piece.T, whole[start : start + 500])


def test_a_resampled_sine_keeps_frequency_and_level() -> None:
    time = torch.arange(44100) / 44100
    resampled = audio.resample(torch.sin(2 * torch.pi * 440 * time), 44100, 16000)
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
    assert len(resampled) == audio.resampled_length(44100, 44100, 16000) == 16000
    torch.testing.assert_close(resampled[100:-100], expected[100:-100], atol=2e-3, rtol=0)


def test_the_resampled_length_is_rounded_up() -> None:
    assert audio.resampled_length(3, 2, 1) == 2
    assert audio.resample(torch.zeros(3), 2, 1).shape == (2,)


def test_resampling_gives_the_same_bits_for_any_number_of_threads() -> None:
    threads = torch.get_num_threads()
    signal, results = noise(1), []
    for count in (1, 2):
        torch.set_num_threads(count)
        results.append(audio.resample(signal, 44100, 16000))
    torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_mono_is_copied_to_stereo_and_stereo_averaged_to_mono() -> None:
    stereo = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert audio.with_channels(stereo, 1).tolist() == [[2.0, 4.0]]
    assert audio.with_channels(stereo[:1], 2).tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert audio.with_channels(stereo, 2) is stereo


def test_wav_keeps_floats_beyond_full_scale_bit_for_bit(tmp_path: Path) -> None:
    signal = 30 * noise(0.1)
    audio.write(tmp_path / "new folder" / "loud.wav", signal, 44100)
    assert torch.equal(audio.read(tmp_path / "new folder" / "loud.wav", 44100, 2), signal)
    header = audio.read_header(tmp_path / "new folder" / "loud.wav")
    assert header == audio.Header(sample_rate=44100, channels=2, num_samples=4410)


def test_minutes_of_vorbis_can_be_written(tmp_path: Path) -> None:
    audio.write(tmp_path / "long.ogg", torch.zeros(1, 8000 * 200), 8000)
    assert audio.read_header(tmp_path / "long.ogg").num_samples == 8000 * 200


def test_a_failed_write_leaves_nothing_and_an_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    audio.write(path, noise(0.1), 44100)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="subtype"):
        audio.write(path, noise(0.2), 44100, subtype="NO SUCH")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_disk_that_refuses_is_told_with_the_path(tmp_path: Path, suffix: str) -> None:
    path, limits = tmp_path / f"song.{suffix}", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="is the disk full") as error:
            audio.write(path, 0.1 * torch.randn(2, 44100), 44100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_writing_refuses_unknown_suffixes_and_other_shapes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"song\.m4a: expected a file ending in"):
        audio.write(tmp_path / "song.m4a", noise(0.1), 44100)
    with pytest.raises(
        ValueError, match=r"song\.wav: expected a signal \(C, T\), got shape \(5,\)"
    ):
        audio.write(tmp_path / "song.wav", torch.zeros(5), 44100)


def test_reading_names_the_file_that_is_missing_corrupt_empty_or_of_many_channels(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.wav: no such audio file"):
        audio.read_header(tmp_path / "absent.wav")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(ValueError, match=r"text\.wav: not readable as audio, perhaps corrupt"):
        audio.read(tmp_path / "text.wav", 44100, 2)
    audio.write(tmp_path / "empty.wav", torch.zeros(1, 0), 44100)
    with pytest.raises(ValueError, match=r"empty\.wav: expected audio, found a file of 0 samples"):
        audio.read_header(tmp_path / "empty.wav")
    with pytest.raises(ValueError, match=r"empty\.wav: expected audio, found a file of 0 samples"):
        audio.read(tmp_path / "empty.wav", 44100, 2)
    audio.write(tmp_path / "surround.wav", noise(0.1, channels=6), 44100)
    with pytest.raises(ValueError, match=r"surround\.wav: expected 1 or 2 channels, got 6"):
        audio.read(tmp_path / "surround.wav", 44100, 2)


def test_a_file_cut_off_is_an_error_not_a_shorter_song(tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    audio.write(path, noise(1), 44100)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(ValueError, match=r"cut\.flac: cut off or damaged"):
        audio.read(path, 44100, 2)


def test_a_range_beyond_the_file_is_an_error(tmp_path: Path) -> None:
    audio.write(tmp_path / "a.wav", noise(0.01), 44100)
    for start, count in ((-1, 5), (440, 5), (0, 0), (500, None)):
        with pytest.raises(ValueError, match="expected a piece within its 441 samples"):
            audio.read(tmp_path / "a.wav", 44100, 2, start, count)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30, -1001.0])
def test_a_sample_that_is_no_sound_is_named_with_channel_and_second(
    tmp_path: Path, value: float
) -> None:
    signal = noise(3)
    signal[1, 2 * 44100 + 441] = value
    audio.write(tmp_path / "song.wav", signal, 44100)
    message = r"song\.wav: .* in channel 2 at 2\.010 s"
    for rate in (44100, 16000):
        with pytest.raises(ValueError, match=message):
            audio.read(tmp_path / "song.wav", rate, 1)
    with pytest.raises(ValueError, match=message):
        audio.read(tmp_path / "song.wav", 44100, 2, start=2 * 44100, num_samples=1000)
    assert audio.read(tmp_path / "song.wav", 44100, 2, num_samples=44100).isfinite().all()


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (8079, "8079 Hz cannot be resampled to 44100 Hz exactly; convert"),
        (4_000_037, "expected a rate from 1000 to 768000 Hz .* at 4000037 Hz"),
        (999, "expected a rate from 1000"),
    ],
)
def test_rates_that_would_take_gigabytes_to_resample_are_refused(
    tmp_path: Path, rate: int, message: str
) -> None:
    soundfile.write(tmp_path / "song.wav", np.zeros((5000, 1)), rate)
    with pytest.raises(ValueError, match=message):
        audio.read(tmp_path / "song.wav", 44100, 1)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 32000, 48000, 88200, 96000, 192000])
def test_usual_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "song.wav", np.zeros((rate, 1)), rate)
    for wanted in (8000, 16000, 44100):
        assert audio.read(tmp_path / "song.wav", wanted, 1).shape[-1] == wanted


def test_a_link_to_nothing_is_named_with_its_target(tmp_path: Path) -> None:
    (tmp_path / "song.wav").symlink_to("moved/song.wav")
    with pytest.raises(
        FileNotFoundError, match=r"is a link to moved/song\.wav, which is not there"
    ):
        audio.read_header(tmp_path / "song.wav")


def test_a_file_whose_name_is_no_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / "T\udcff.wav"
    soundfile.write(tmp_path / "plain.wav", np.zeros(100), 8000)
    (tmp_path / "plain.wav").rename(path)
    assert audio.read(path, 8000, 1).shape == (1, 100)
