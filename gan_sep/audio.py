"""The audio format of an experiment, and audio files: read by seeking, resampled, written whole."""

import errno
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor
from torchaudio.functional import resample as torchaudio_resample
from torchaudio.transforms import Resample

from gan_sep.containers import Patched, checked_head
from gan_sep.names import plain_name
from gan_sep.runs import replace_file

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

# torchaudio's default low-pass filter: its half width in zero crossings, and its roll-off.
_ZERO_CROSSINGS = 6
_ROLLOFF = 0.99

HIGHEST_RATE = 768_000  # Hz
LONGEST_SECONDS = 24 * 3600
LOUDEST = 1000.0  # 60 dB above full scale: no sound, but a mistake
_LARGEST_RESAMPLER = 2**24  # values of its kernel: input times output samples of one block

# The most samples of an Ogg page: 255 packets of half a Vorbis block of 8192, rounded up.
_LONGEST_PAGE = 2**20

# Float samples keep estimates beyond full scale; FLAC and Vorbis hold no floats.
_SUBTYPES = {".wav": "FLOAT", ".flac": "PCM_24", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}


@dataclass(frozen=True)
class AudioFormat:
    """What all signals of one experiment have in common.

    Raises ValueError on a rate or channel count out of range, and on repeated or missing names.
    """

    sample_rate: int = 44100  # Hz
    channels: int = 2  # 1 (mono) or 2 (stereo)
    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")  # the stems, in order of axis S

    def __post_init__(self) -> None:
        if self.sample_rate < 1000:
            raise ValueError(f"sample_rate: expected at least 1000 Hz, got {self.sample_rate}")
        if self.channels not in (1, 2):
            raise ValueError(f"channels: expected 1 (mono) or 2 (stereo), got {self.channels}")
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise ValueError(f"sources: expected distinct names, got {list(self.sources)}")
        for name in self.sources:  # they become names of files
            plain_name(name, "sources")
        if len({name.casefold() for name in self.sources}) != len(self.sources):
            raise ValueError(
                f"sources: expected names that differ by more than capitals, got "
                f"{list(self.sources)}"
            )

    def samples(self, seconds: float) -> int:
        """Seconds -> the nearest number of samples."""
        return round(seconds * self.sample_rate)


class Header(NamedTuple):
    """What a file says of itself: sample_rate in Hz, channels, num_samples per channel."""

    sample_rate: int
    channels: int
    num_samples: int


def read_header(path: Path) -> Header:
    """The header of an audio file, without decoding it.

    Raises FileNotFoundError, or ValueError where the file is no audio or holds no sample.
    """
    with _open(path) as file:
        return Header(file.samplerate, file.channels, file.frames)


def read(
    path: Path, sample_rate: int, channels: int, start: int = 0, num_samples: int | None = None
) -> Tensor:
    """A piece of an audio file at the asked-for rate and channel count, read by seeking -> (C, T).

    start and num_samples count samples at `sample_rate`; by default the rest of the file. The piece
    equals the same slice of the resampled whole (to rounding): it is read with the resampling
    filter's context on both sides. Stereo becomes mono by averaging, mono becomes stereo by
    copying. Raises FileNotFoundError, or ValueError where the file cannot be decoded or the range
    leaves it.
    """
    with _open(path) as file:
        rate = file.samplerate
        _check_ratio(path, rate, sample_rate)
        length = resampled_length(file.frames, rate, sample_rate)
        stop = length if num_samples is None else start + num_samples
        if not 0 <= start < stop <= length:
            raise ValueError(
                f"{path}: expected a piece within its {length} samples at {sample_rate} Hz, "
                f"got {start} to {stop}"
            )
        first, last = _native_range(start, stop, rate, sample_rate)
        native = _read_native(path, file, first, min(last, file.frames))  # (C, T) of the file
    signal = resample(with_channels(native, channels), rate, sample_rate)  # (C, T and context)
    offset = start - first * sample_rate // rate
    return signal[:, offset : offset + stop - start].contiguous()  # (C, T)


def blocks(path: Path, num_samples: int = 2**18) -> Iterator[Tensor]:
    """A whole file as it is, piece by piece: (C, T) each. Raises ValueError as `read`."""
    with _open(path) as file:
        for first in range(0, file.frames, num_samples):
            yield _read_native(path, file, first, min(first + num_samples, file.frames))


def require_channels(path: Path, channels: int) -> None:
    """ValueError unless a file is mono or stereo."""
    if channels > 2:
        raise ValueError(f"{path}: expected 1 or 2 channels, got {channels}")


def _native_range(start: int, stop: int, rate: int, new_rate: int) -> tuple[int, int]:
    """The samples at `rate` that decide samples start to stop at `new_rate`; may exceed the end.

    The resampler turns each block of `old` samples into `new` (the ratio in lowest terms), so that
    pieces beginning at a block's edge are filtered with the same phase as the whole.
    """
    if rate == new_rate:
        return start, stop
    divisor = math.gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    half_width = math.ceil(_ZERO_CROSSINGS * old / (min(old, new) * _ROLLOFF))
    context_blocks = math.ceil(half_width / old)
    first_block = max(0, start // new - context_blocks)
    last_block = math.ceil(stop / new) + context_blocks
    return first_block * old, last_block * old


def _open(path: Path) -> soundfile.SoundFile:
    """A file with a length that can be believed, and not 0; see `gan_sep.containers`."""
    if not path.is_file():
        if path.is_symlink():
            raise FileNotFoundError(f"{path}: is a link to {path.readlink()}, which is not there")
        raise FileNotFoundError(f"{path}: no such audio file")
    head = checked_head(path)
    try:
        file = soundfile.SoundFile(Patched(path, head) if head else os.fsencode(path))
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as audio, perhaps corrupt: {error}") from error
    longest = LONGEST_SECONDS * file.samplerate
    if not 1000 <= file.samplerate <= HIGHEST_RATE or file.frames > longest:
        said = f"{file.frames} samples at {file.samplerate} Hz"
        file.close()
        raise ValueError(
            f"{path}: expected a rate from 1000 to {HIGHEST_RATE} Hz and at most "
            f"{LONGEST_SECONDS // 3600} hours, its header says {said}"
        )
    if not file.frames:
        file.close()
        raise ValueError(f"{path}: expected audio, found a file of 0 samples")
    return file


def _check_ratio(path: Path, rate: int, new_rate: int) -> None:
    """ValueError where the rates have so little in common that the resampler is immense."""
    divisor = math.gcd(rate, new_rate)
    if rate // divisor * (new_rate // divisor) > _LARGEST_RESAMPLER:
        raise ValueError(
            f"{path}: {rate} Hz cannot be resampled to {new_rate} Hz exactly; convert the file to "
            f"a usual rate, for example: ffmpeg -i IN -ar {new_rate} OUT.wav"
        )


def _check_samples(path: Path, samples: np.ndarray, first: int, rate: int) -> None:
    """ValueError with channel and second where a sample (T, C) is no number or absurdly loud."""
    if samples.min() >= -LOUDEST and samples.max() <= LOUDEST:  # false with NaN
        return
    place, channel = np.argwhere(~(np.abs(samples) <= LOUDEST))[0]
    raise ValueError(
        f"{path}: expected samples within full scale, -1 to 1, and at most {LOUDEST:g}, got "
        f"{samples[place, channel]:g} in channel {channel + 1} at {(first + place) / rate:.3f} s"
    )


def _read_native(path: Path, file: soundfile.SoundFile, first: int, last: int) -> Tensor:
    try:
        position = file.seek(_seekable(file, first))
        samples = file.read(last - position, dtype="float32", always_2d=True)[first - position :]
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: cannot be decoded, perhaps corrupt: {error}") from error
    if len(samples) != last - first:
        raise ValueError(
            f"{path}: cannot be decoded to its end, perhaps corrupt or cut off: expected samples "
            f"{first} to {last}, got {len(samples)} of them"
        )
    require_channels(path, samples.shape[1])
    _check_samples(path, samples, first, file.samplerate)
    # NumPy transposes seven times as fast as torch here, and reading is what training waits for.
    return torch.from_numpy(np.ascontiguousarray(samples.T))  # (C, T)


def _seekable(file: soundfile.SoundFile, first: int) -> int:
    """Where to seek to for reading from sample `first`: there, or earlier where that is inexact.

    libsndfile 1.2 lands thousands of samples off, silently, when it seeks into the last page of an
    Ogg Vorbis file, which would misalign the stems: such pieces are decoded from before that page.
    """
    if file.format != "OGG":
        return first
    return min(first, max(0, file.frames - _LONGEST_PAGE))


def with_channels(signal: Tensor, channels: int) -> Tensor:
    """A signal (..., C, T) in mono or stereo: averaged to mono, copied to stereo."""
    if signal.shape[-2] == channels:
        return signal
    if channels == 1:
        return signal.mean(-2, keepdim=True)  # (..., 1, T)
    return signal.expand(*signal.shape[:-2], channels, signal.shape[-1])  # (..., 2, T)


def resampled_length(num_samples: int, rate: int, new_rate: int) -> int:
    """The number of samples that `resample` makes of num_samples, the ratio rounded up."""
    return -(-num_samples * new_rate // rate)


def resample(signal: Tensor, rate: int, new_rate: int) -> Tensor:
    """A signal (..., T) at `rate` Hz resampled to `new_rate` Hz by torchaudio's windowed sinc."""
    if rate == new_rate:
        return signal
    if signal.device.type != "cpu":
        return torchaudio_resample(signal, rate, new_rate)
    resampled: Tensor = _resampler(rate, new_rate)(signal)
    return resampled


@lru_cache(maxsize=8)
def _resampler(rate: int, new_rate: int) -> Resample:
    """The CPU resampler with its kernel, which costs more to make than a short piece to filter."""
    return Resample(
        rate, new_rate, lowpass_filter_width=_ZERO_CROSSINGS, rolloff=_ROLLOFF, dtype=torch.float32
    )


def write(path: Path, signal: Tensor, sample_rate: int, subtype: str | None = None) -> None:
    """Write a signal (C, T) to a file whose suffix names the format; the folder is made.

    subtype is libsndfile's, by default floats for wav and 24 bits for flac (which clips at 1). The
    file appears whole or not at all. Raises ValueError on another shape or an unknown suffix, and
    OSError naming the path where the disk refuses.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUBTYPES:
        raise ValueError(f"{path}: expected a file ending in {', '.join(SUFFIXES)}")
    if signal.ndim != 2:
        raise ValueError(f"{path}: expected a signal (C, T), got shape {tuple(signal.shape)}")
    samples = signal.detach().cpu().float().T.numpy()  # (T, C)
    subtype = subtype or _SUBTYPES[suffix]
    container = suffix[1:].upper()

    def write_blocks(part: Path) -> None:
        try:
            with soundfile.SoundFile(
                part, "w", sample_rate, samples.shape[1], subtype, format=container
            ) as file:
                # libsndfile's Vorbis encoder overflows its stack when handed minutes at once.
                for block in range(0, len(samples), sample_rate):
                    file.write(samples[block : block + sample_rate])
        except soundfile.LibsndfileError as error:  # it does not say which error of the system
            said = f"cannot be written ({error.error_string.rstrip('.')}); is the disk full?"
            raise OSError(errno.EIO, said) from error

    replace_file(path, write_blocks)
