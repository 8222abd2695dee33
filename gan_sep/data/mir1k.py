"""MIR-1K: karaoke clips, music in the left channel and voice in the right (Hsu and Jang, 2010).

Split as in Huang, Kim, Hasegawa-Johnson and Smaragdis (TASLP 2015): the 175 clips of the singers
abjones and amy to train on, four of them for development, the other singers' 825 clips to test on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Check, Split, Track, require_sources
from gan_sep.data.files import listed, open_each
from gan_sep.data.karaoke import SOURCES, Clip, Mixing, find_clips
from gan_sep.data.memory import remember
from gan_sep.ranges import at_least

TRAIN_SINGERS = ("abjones", "amy")
VALIDATION = ("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09")


@dataclass(frozen=True)
class Config:
    """The folder that holds Wavfile/, with clips SINGER_N_M.{wav,flac,ogg,mp3}."""

    root: Path  # the folder that holds Wavfile/
    # equal_energy, as published, scales music and voice to 0 dB over the clip, keeping their sum.
    mixing: Mixing = "equal_energy"
    memory_gb: float = 1.0  # of decoded material kept, 10^9 bytes a split and process
    # full decodes every file once before the first step; headers looks at headers and names only.
    check: Check = "full"

    sources: ClassVar[tuple[str, ...] | None] = SOURCES

    def __post_init__(self) -> None:
        at_least(0, self, "memory_gb")

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The clips of one split; see `DataConfig.build`."""
        require_sources("mir1k", SOURCES, audio)
        clips = find_clips(self.root, "SINGER_N_M.wav")
        clips = [path for path in clips if _split_of(path.stem) == split]
        if not clips:
            raise ValueError(f"{self.root / 'Wavfile'}: found no clip of the {split} split")
        missing = set(VALIDATION) - {path.stem for path in clips}
        if split == "valid" and missing:
            raise ValueError(
                f"{self.root / 'Wavfile'}: no clip {listed(sorted(missing))} to validate on"
            )
        return remember(
            open_each(clips, lambda path: Clip(path, audio, self.mixing)), audio, self.memory_gb
        )


def _split_of(clip: str) -> Split:
    if clip in VALIDATION:
        return "valid"
    return "train" if clip.partition("_")[0] in TRAIN_SINGERS else "test"
