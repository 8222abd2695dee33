"""Lengths that can be believed: cut files of every format are refused, missing lengths counted."""

import os
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from gan_sep import audio
from gan_sep.containers import _mpeg_frames, checked_head

RATE = 44100


def song(seconds: float = 6.0) -> torch.Tensor:
    """Loud and then quiet noise (2, T): an encoder of variable bit rate takes less for the end."""
    generator = torch.Generator().manual_seed(0)
    signal = 0.3 * torch.randn(2, round(seconds * RATE), generator=generator).clamp(-3, 3)
    signal[:, signal.shape[-1] // 2 :] *= 0.001
    return signal


def without_length(path: Path) -> None:
    """Take out of a file what says how long it is."""
    content = bytearray(path.read_bytes())
    if path.suffix == ".flac":
        content[21] &= 0xF0
        content[22:26] = bytes(4)
    else:
        content = content[list(_mpeg_frames(bytes(content), 0))[1] :]
    path.write_bytes(content)


@pytest.mark.parametrize("suffix", [".flac", ".mp3"])
def test_a_length_that_is_missing_is_counted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"song{suffix}"
    audio.write(path, song(), RATE)
    whole = audio.read(path, RATE, 2)  # (C, T)
    without_length(path)
    with soundfile.SoundFile(path) as file:
        assert file.frames != whole.shape[-1]
    counted = audio.read(path, RATE, 2)
    assert audio.read_header(path).num_samples == counted.shape[-1]
    if suffix == ".flac":
        assert torch.equal(counted, whole)
    else:  # the decoder's delay was written in the frame that is gone
        assert 0 <= counted.shape[-1] - whole.shape[-1] <= 3 * 1152
        lag = counted.shape[-1] - whole.shape[-1]
        errors = [
            (counted[:, d : d + 9000] - whole[:, :9000]).abs().max().item() for d in range(lag + 1)
        ]
        assert min(errors) < 1e-3
    for start in (0, 5000, 130_000, counted.shape[-1] - 700):
        piece = audio.read(path, RATE, 2, start, 700)
        assert torch.equal(piece, counted[:, start : start + 700])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("-q:a 2 -write_xing 0", "vbr.mp3"),
        ("-b:a 128k -write_xing 0 -id3v2_version 0", "cbr.mp3"),
        ("-ac 1 -ar 22050 -q:a 4 -write_xing 0", "mono_low.mp3"),
        ("-f flac", "pipe.flac"),
        ("-f wav", "pipe.wav"),
        ("-f ogg", "pipe.ogg"),
    ],
)
def test_what_ffmpeg_writes_without_a_length_is_read_whole(
    tmp_path: Path, options: str, name: str
) -> None:
    audio.write(tmp_path / "song.wav", song(), RATE)
    output = "-" if name.startswith("pipe") else name
    command = ["ffmpeg", "-loglevel", "error", "-i", "song.wav", *options.split(), output]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    if output == "-":
        (tmp_path / name).write_bytes(done.stdout)
    samples = audio.read(tmp_path / name, RATE, 2).shape[-1]
    assert 0 <= samples - 6 * RATE < 0.1 * RATE


@pytest.mark.slow
@pytest.mark.parametrize("suffix", audio.SUFFIXES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.97])
def test_a_file_cut_off_is_refused_whatever_its_format(
    tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"song{suffix}"
    audio.write(path, song(), RATE)
    assert checked_head(path) is None
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"song\{suffix}: cut off or damaged: it"):
        audio.read_header(path)


def test_a_cut_wav_says_what_it_should_and_does_hold(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    audio.write(path, song(1), RATE, "PCM_16")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4 * 100)
    with pytest.raises(ValueError, match="header says 44100 samples, the file holds 44000"):
        audio.read_header(path)


def test_a_flac_that_claims_a_thousand_hours_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    audio.write(path, song(1), RATE)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"says {2**36 - 1} samples, the file holds 44100"):
        audio.read(path, RATE, 2)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_file_is_looked_at_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    audio.write(path, song(1), RATE)
    assert audio.read_header(path).num_samples == RATE
    content = path.read_bytes()
    path.write_bytes(content[:-400])
    with pytest.raises(ValueError, match="cut off"):
        audio.read_header(path)
    path.write_bytes(content)
    assert audio.read_header(path).num_samples == RATE


@pytest.mark.slow
@pytest.mark.parametrize("suffix", audio.SUFFIXES)
def test_mutated_files_are_read_or_refused_in_one_line(tmp_path: Path, suffix: str) -> None:
    """75 files of each format with bytes changed, cut, doubled or taken out, half in the header."""
    path = tmp_path / f"song{suffix}"
    audio.write(path, song(0.5), RATE)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for number in range(75):
        mutated = bytearray(content)
        reach = 64 if number % 2 else len(content)
        for place in rng.integers(reach, size=rng.integers(1, 8)):
            mutated[place] = rng.integers(256)
        if number % 5 == 0:
            del mutated[rng.integers(len(content)) :]
        if number % 7 == 0:
            start = int(rng.integers(len(mutated) or 1))
            mutated[start:start] = mutated[start : start + 100]
        path.write_bytes(mutated)
        os.utime(path, ns=(number, number))
        said = ""
        try:
            read = audio.read(path, 16000, 1)
        except ValueError as error:
            said = str(error)
        assert said.startswith(str(path)) if said else read.isfinite().all()
        assert "\n" not in said
