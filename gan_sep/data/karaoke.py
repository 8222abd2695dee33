"""Two-channel karaoke clips in one folder: music in the left channel, voice in the right."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.base import Check, Split, Track, require_sources
from gan_sep.data.files import audio_in, listed, open_each, visible
from gan_sep.data.memory import remember
from gan_sep.names import title
from gan_sep.ranges import at_least

SOURCES = ("music", "voice")

# equal_energy scales both sources to the mean of their energies over the clip, so that they are
# mixed at 0 dB; as_recorded leaves them.
Mixing = Literal["equal_energy", "as_recorded"]


@dataclass(frozen=True)
class Karaoke:
    """Base of the `Config` of a data set of such clips, ROOT/Wavfile/*.{wav,flac,ogg,mp3}."""

    root: Path  # the folder that holds Wavfile/
    # equal_energy scales music and voice to one energy over the clip, 0 dB, keeping their sum.
    mixing: Mixing = "as_recorded"
    memory_gb: float = 1.0  # of decoded material kept, 10^9 bytes a split and process
    # full decodes every file once before the first step; headers looks at headers and names only.
    check: Check = "full"

    sources: ClassVar[tuple[str, ...] | None] = SOURCES

    def __post_init__(self) -> None:
        at_least(0, self, "memory_gb")

    def paths(self, split: Split) -> list[Path]:
        """The files of one split by name. Raises ValueError where some are missing."""
        raise NotImplementedError

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The clips of one split; see `DataConfig.build`."""
        require_sources(type(self).__module__.rpartition(".")[2], SOURCES, audio)
        clips = open_each(self.paths(split), lambda path: Clip(path, audio, self.mixing))
        return remember(clips, audio, self.memory_gb)


def find_clips(root: Path, pattern: str) -> list[Path]:
    """The audio files of ROOT/Wavfile by name; pattern says in errors how their names look.

    Raises FileNotFoundError or ValueError where the folder is missing, is named itself as the root,
    is empty, or holds one clip in two formats.
    """
    folder = root / "Wavfile"
    if not folder.is_dir():
        level = f"; did you mean data.root={root.parent}?" if root.name == "Wavfile" else ""
        raise FileNotFoundError(
            f"{folder}: no such folder; data.root must hold Wavfile/{pattern}, and "
            f"{root} holds {listed(path.name for path in visible(root))}{level}"
        )
    clips = audio_in(folder)
    for first, second in pairwise(clips):
        if first.stem == second.stem:
            raise ValueError(f"{folder}: one clip twice, {first.name} and {second.name}")
    if not clips:
        raise ValueError(f"{folder}: expected clips {pattern}, found no audio file")
    return clips


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
        self.name, self.files = title(path.stem), (path,)
        self._audio, self._mixing = audio, mixing
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
