"""MIR-1K: karaoke clips, music in the left channel and voice in the right (Hsu and Jang, 2010).

Split as in Huang, Kim, Hasegawa-Johnson and Smaragdis (TASLP 2015): the 175 clips of the singers
abjones and amy to train on, four of them for development, the other singers' 825 clips to test on.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.base import Split, Track, require_sources
from gan_sep.data.files import audio_in, listed, visible
from gan_sep.data.memory import remember

SOURCES = ("music", "voice")
TRAIN_SINGERS = ("abjones", "amy")
VALIDATION = ("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09")

Mixing = Literal["equal_energy", "as_recorded"]


@dataclass(frozen=True)
class Config:
    """The folder that holds Wavfile/, with clips SINGER_N_M.{wav,flac,ogg,mp3}.

    mixing equal_energy scales music and voice to one energy over the clip, 0 dB as published,
    keeping the sum of both; as_recorded leaves them. memory_gb keeps decoded clips in memory (10^9
    bytes a split and process).
    """

    root: Path
    mixing: Mixing = "equal_energy"
    memory_gb: float = 1.0

    sources: ClassVar[tuple[str, ...] | None] = SOURCES

    def __post_init__(self) -> None:
        if self.memory_gb < 0:
            raise ValueError(f"memory_gb: expected at least 0, got {self.memory_gb}")

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The clips of one split; see `DataConfig.build`."""
        require_sources("mir1k", SOURCES, audio)
        clips = [path for path in self._clips() if _split_of(path.stem) == split]
        if not clips:
            raise ValueError(f"{self.root / 'Wavfile'}: found no clip of the {split} split")
        missing = set(VALIDATION) - {path.stem for path in clips}
        if split == "valid" and missing:
            raise ValueError(
                f"{self.root / 'Wavfile'}: no clip {listed(sorted(missing))} to validate on"
            )
        return remember([Clip(path, audio, self.mixing) for path in clips], audio, self.memory_gb)

    def _clips(self) -> list[Path]:
        folder = self.root / "Wavfile"
        if not folder.is_dir():
            level = (
                f"; did you mean data.root={self.root.parent}?"
                if self.root.name == "Wavfile"
                else ""
            )
            raise FileNotFoundError(
                f"{folder}: no such folder; data.root must hold Wavfile/SINGER_N_M.wav, and "
                f"{self.root} holds {listed(path.name for path in visible(self.root))}{level}"
            )
        clips = audio_in(folder)
        for first, second in pairwise(clips):
            if first.stem == second.stem:
                raise ValueError(f"{folder}: one clip twice, {first.name} and {second.name}")
        if not clips:
            raise ValueError(f"{folder}: expected clips SINGER_N_M.wav, found no audio file")
        return clips


def _split_of(clip: str) -> Split:
    if clip in VALIDATION:
        return "valid"
    return "train" if clip.partition("_")[0] in TRAIN_SINGERS else "test"


class Clip(Track):
    """One two-channel file whose channels are the sources.

    Raises ValueError where the file is unreadable or has another number of channels.
    """

    def __init__(self, path: Path, audio: AudioFormat, mixing: Mixing) -> None:
        header = audio_files.read_header(path)
        if header.channels != len(SOURCES):
            raise ValueError(
                f"{path}: expected 2 channels, music left and voice right, got {header.channels}"
            )
        self.name, self.files, self._audio, self._mixing = path.stem, (path,), audio, mixing
        self.num_samples = audio_files.resampled_length(
            header.num_samples, header.sample_rate, audio.sample_rate
        )

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read`."""
        length = self.stop(start, num_samples) - start
        rate = self._audio.sample_rate
        clip = audio_files.read(
            self.files[0], rate, len(SOURCES), start, length
        )  # (music and voice, T)
        if self._mixing == "equal_energy":
            clip = clip * self._gains
        order = [SOURCES.index(source) for source in self._audio.sources]
        return audio_files.with_channels(clip[order, None], self._audio.channels)  # (S, C, T)

    @cached_property
    def _gains(self) -> Tensor:
        """What gives both channels the mean of their energies over the clip, (2, 1)."""
        header = audio_files.read_header(self.files[0])
        clip = audio_files.read(self.files[0], header.sample_rate, header.channels)  # (2, T)
        energies = clip.double().square().sum(-1, keepdim=True)  # (2, 1)
        if (energies == 0).any():
            raise ValueError(
                f"{self.files[0]}: a channel is silent (energies {energies.flatten().tolist()}), "
                f"so music and voice cannot be mixed at equal energy; say data.mixing: as_recorded"
            )
        return torch.sqrt(energies.mean() / energies).float()  # (2, 1)
