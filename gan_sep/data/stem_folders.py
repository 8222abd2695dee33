"""Any tree SPLIT/TRACK/SOURCE.{wav,flac,ogg,mp3} with any number and names of sources."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Check, Split, Track
from gan_sep.data.files import read_tracks, track_folders
from gan_sep.data.memory import remember
from gan_sep.data.validation import MUSDB18_VALIDATION, held_out, held_out_share
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class Config:
    """A tree of stems; by default every segment is read from its files."""

    root: Path  # the folder that holds train/, test/ and perhaps valid/, with a folder per track
    # Tracks of train/ held out where there is no valid/: a share, titles, or the official 14.
    valid: Literal["musdb18"] | float | tuple[str, ...] | None = None
    seed: int = 0  # draws a share held out
    ignore: tuple[str, ...] = ("mixture",)  # names of files that are no sources
    memory_gb: float = 0.0  # of decoded material kept, 10^9 bytes a split and process
    # full decodes every file once before the first step; headers looks at headers and names only.
    check: Check = "full"

    sources: ClassVar[tuple[str, ...] | None] = None

    def __post_init__(self) -> None:
        if isinstance(self.valid, float) and not 0 < self.valid < 1:
            raise ValueError(f"valid: expected a share between 0 and 1, got {self.valid}")
        if self.valid == ():
            raise ValueError("valid: expected at least one title, got an empty list")
        at_least(0, self, "memory_gb")

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The tracks of one split; see `DataConfig.build`."""
        return remember(
            read_tracks(self._folders(split), audio, self.ignore), audio, self.memory_gb
        )

    def _folders(self, split: Split) -> list[Path]:
        has_valid = (self.root / "valid").is_dir()
        if has_valid and self.valid is not None:
            raise ValueError(
                f"data.valid: {self.root} has a folder valid, so expected null, got {self.valid!r}"
            )
        if split == "valid" and not has_valid and self.valid is None:
            raise FileNotFoundError(
                f"{self.root / 'valid'}: no such folder; set data.valid to hold out tracks of "
                f"train: a share such as 0.1, a list of titles, or musdb18"
            )
        if split == "test" or self.valid is None:
            return track_folders(self.root, split)
        folders = track_folders(self.root, "train")
        held = self._held_out([folder.name for folder in folders])
        return [folder for folder in folders if (folder.name in held) == (split == "valid")]

    def _held_out(self, names: list[str]) -> set[str]:
        folder = self.root / "train"
        if isinstance(self.valid, float):
            return held_out_share(names, self.valid, self.seed, folder)
        titles = MUSDB18_VALIDATION if self.valid == "musdb18" else self.valid
        return held_out(names, titles or (), folder)
