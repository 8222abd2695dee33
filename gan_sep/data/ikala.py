"""iKala: 252 karaoke clips of 30 s, music in the left channel and voice in the right.

Source: Chan, Yeh, Fan, Chen, Su, Yang, Jang, "Vocal activity informed singing voice separation with
the iKala dataset", 2015. The split has the size of Fan, Chan, Yang and Jang (2017), 63 clips to
train on and 189 to test on. Which clips they were is not known, so here

- a seed draws them, songs rather than clips, since 46 songs have both their verse and their chorus
  in the data set: no song that is learned from is tested on
- 4 of the 63, again of songs of their own, choose the best weights. The published training has no
  such clips; 4 is what MIR-1K's has, and leaves 59 to learn from.

Nor is it known whether the published mixtures were scaled to equal energy, as MIR-1K's were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_sep import audio as audio_files
from gan_sep.data.base import Split
from gan_sep.data.files import listed
from gan_sep.data.karaoke import Karaoke, find_clips
from gan_sep.random import draw
from gan_sep.ranges import at_least

CLIPS = {"valid": 4, "train": 59, "test": 189}
SAMPLE_RATE = 44100  # of the files


@dataclass(frozen=True)
class Config(Karaoke):
    """The folder that holds Wavfile/, with all 252 clips SONG_SECTION.wav as released."""

    seed: int = 0  # draws the split

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(0, self, "seed")

    def paths(self, split: Split) -> list[Path]:
        paths = find_clips(self.root, "SONG_SECTION.wav")
        total = sum(CLIPS.values())
        if len(paths) != total:
            raise ValueError(
                f"{self.root / 'Wavfile'}: expected the {total} clips of iKala, got {len(paths)}; "
                f"with others the split would not be the published one"
            )
        names = draw_splits([path.stem for path in paths], self.seed)[split]
        paths = [path for path in paths if path.stem in names]
        for path in paths:
            _require_released_rate(path)
        return paths


def draw_splits(clips: Sequence[str], seed: int) -> dict[str, set[str]]:
    """The names of the clips of every split; the clips of one song stay together.

    Songs come in drawn order, and each goes to the first split that has room for all its clips.
    clips: as many as CLIPS counts, named SONG_SECTION. Raises ValueError where songs have so many
    clips that some find no room.
    """
    songs: dict[str, list[str]] = {}
    for clip in sorted(clips):
        songs.setdefault(clip.partition("_")[0], []).append(clip)
    in_order = list(songs.values())
    splits: dict[str, set[str]] = {split: set() for split in CLIPS}
    for index in draw(seed, "ikala split").permutation(len(in_order)):
        song = in_order[index]
        room = [split for split in CLIPS if len(splits[split]) + len(song) <= CLIPS[split]]
        if not room:
            raise ValueError(
                f"iKala's clips: expected at most a verse and a chorus of a song, found "
                f"{len(song)} clips of song {song[0].partition('_')[0]} ({listed(song)}), too "
                f"many to keep together"
            )
        splits[room[0]].update(song)
    return splits


def _require_released_rate(path: Path) -> None:
    rate = audio_files.read_header(path).sample_rate
    if rate != SAMPLE_RATE:
        raise ValueError(
            f"{path}: expected {SAMPLE_RATE} Hz, as iKala is released, got {rate} Hz; use the "
            f"released file, it is resampled to audio.sample_rate when read"
        )
