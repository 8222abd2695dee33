"""MIR-1K: karaoke clips, music in the left channel and voice in the right (Hsu and Jang, 2010).

Split as in Huang, Kim, Hasegawa-Johnson and Smaragdis (TASLP 2015): the 175 clips of the singers
abjones and amy to train on, four of them for development, the other singers' 825 clips to test on.
"""

from dataclasses import dataclass
from pathlib import Path

from gan_sep.data.base import Split
from gan_sep.data.files import listed
from gan_sep.data.karaoke import Karaoke, Mixing, find_clips

TRAIN_SINGERS = ("abjones", "amy")
VALIDATION = ("abjones_5_08", "abjones_5_09", "amy_9_08", "amy_9_09")


@dataclass(frozen=True)
class Config(Karaoke):
    """The folder that holds Wavfile/, with clips SINGER_N_M.{wav,flac,ogg,mp3}."""

    # equal_energy, as published, scales music and voice to 0 dB over the clip, keeping their sum.
    mixing: Mixing = "equal_energy"

    def paths(self, split: Split) -> list[Path]:
        clips = find_clips(self.root, "SINGER_N_M.wav")
        clips = [path for path in clips if _split_of(path.stem) == split]
        if not clips:
            raise ValueError(f"{self.root / 'Wavfile'}: found no clip of the {split} split")
        missing = set(VALIDATION) - {path.stem for path in clips}
        if split == "valid" and missing:
            raise ValueError(
                f"{self.root / 'Wavfile'}: no clip {listed(sorted(missing))} to validate on"
            )
        return clips


def _split_of(clip: str) -> Split:
    if clip in VALIDATION:
        return "valid"
    return "train" if clip.partition("_")[0] in TRAIN_SINGERS else "test"
