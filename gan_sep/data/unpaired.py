"""Unpaired material: mixtures whose stems reconstruction does not see, real stems of other tracks.

It comes from folders of its own, from training tracks that are set aside, or from the training
tracks that a step does not learn from in pairs. No validation or test track can enter: every pool
is compared with them, by name and by file, before anything is drawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.data.files import FileTrack, audio_in, listed, open_each, visible
from gan_sep.data.segments import Stem
from gan_sep.random import draw
from gan_sep.ranges import at_least


class Pools(NamedTuple):
    """Where segments may be drawn from; stems hold one pool for each source, in their order."""

    paired: list[Track]
    mixtures: list[Track]
    stems: list[list[Stem]]

    @property
    def unpaired(self) -> list[Track]:
        """The tracks that are not paired, each once."""
        tracks = [*self.mixtures, *(stem.track for pool in self.stems for stem in pool)]
        return list({id(track): track for track in tracks}.values())


@dataclass(frozen=True)
class Unpaired:
    """Where unpaired mixtures and unpaired stems come from.

    What has no folder comes from the tracks set aside; without any, from all training tracks, a
    mixture only from those that are not paired in the same step.
    """

    mixtures: Path | None = None  # folder of FILE.{wav,flac,ogg,mp3}, mixtures without stems
    stems: Path | None = None  # folder of SOURCE/FILE.*; files of one name are of one track
    # Training tracks, a share below 1 or a number, that reconstruction never sees.
    set_aside: int | float = 0
    seed: int = 0  # draws the tracks set aside
    # Unpaired segments of one optimiser step; with 0 the tracks set aside are left out altogether.
    batch_size: int = 1

    def __post_init__(self) -> None:
        at_least(0, self, "batch_size")
        if self.batch_size == 0 and not self.set_aside:
            raise ValueError(
                "batch_size: expected at least 1 without tracks set aside, got 0; "
                "unpaired: null asks for no unpaired material"
            )
        share = isinstance(self.set_aside, float)
        if self.set_aside < 0 or (share and self.set_aside >= 1):
            raise ValueError(
                f"set_aside: expected a share below 1 or a number of tracks, got {self.set_aside}"
            )
        if self.mixtures is not None and self.stems is not None and self.set_aside:
            raise ValueError(
                f"set_aside: expected 0, since mixtures and stems both come from folders and "
                f"nothing would use the tracks set aside, got {self.set_aside}"
            )

    def build(self, audio: AudioFormat, train: Sequence[Track], held_out: Sequence[Track]) -> Pools:
        """The training tracks split into paired ones and unpaired pools.

        held_out are the validation and test tracks, none of which may be in a pool or in train, as
        no paired track may be in the folder of mixtures. Raises ValueError where one is, where
        set_aside leaves no paired track or fewer than two to draw from, and FileNotFoundError or
        ValueError where a folder is not laid out as expected.
        """
        aside = self._set_aside(train)
        paired = [track for track in train if track.name not in aside]
        unpaired = [track for track in train if not aside or track.name in aside]
        mixtures = mixture_tracks(self.mixtures, audio) if self.mixtures else unpaired
        stems = (
            stem_pools(self.stems, audio)
            if self.stems
            else [[Stem(track, index) for track in unpaired] for index in range(len(audio.sources))]
        )
        stem_tracks = [stem.track for pool in stems for stem in pool]
        for what, tracks in (
            ("training tracks", train),
            ("mixtures", mixtures),
            ("stems", stem_tracks),
        ):
            _refuse(what, tracks, held_out, "is a validation or test track, never to be trained on")
        if self.mixtures:
            reason = "is a paired track, whose stems reconstruction sees"
            _refuse("mixtures", mixtures, paired, reason)
        return Pools(paired, mixtures, stems)

    def _set_aside(self, train: Sequence[Track]) -> set[str]:
        if not self.set_aside:
            return set()
        share = isinstance(self.set_aside, float)
        count = round(self.set_aside * len(train)) if share else int(self.set_aside)
        if not 2 <= count < len(train):
            raise ValueError(
                f"unpaired.set_aside: {self.set_aside} takes {count} of {len(train)} training "
                f"tracks; expected at least 2, to draw mixture and stems from different ones, and "
                f"at least one paired track left"
            )
        names = sorted(track.name for track in train)
        return {names[i] for i in draw(self.seed, "set aside").permutation(len(names))[:count]}


def mixture_tracks(folder: Path, audio: AudioFormat) -> list[Track]:
    """The files of a folder as tracks of one source: the mixture itself."""
    files = audio_in(folder)
    if not files:
        raise ValueError(
            f"{folder}: expected mixtures FILE.wav directly in unpaired.mixtures, found "
            f"{listed(path.name for path in visible(folder))}"
        )
    return open_each(files, lambda path: FileTrack(path.stem, [path], audio))


def stem_pools(folder: Path, audio: AudioFormat) -> list[list[Stem]]:
    """FOLDER/SOURCE/FILE.* as one pool of stems for each source asked for."""
    found = [path.name for path in visible(folder) if path.is_dir()]
    if set(found) != set(audio.sources):
        raise ValueError(
            f"{folder}: expected SOURCE/FILE.wav, one folder for each of audio.sources "
            f"({', '.join(audio.sources)}), found {listed(found)}"
        )
    pools = []
    for source in audio.sources:
        files = audio_in(folder / source)
        if not files:
            raise ValueError(f"{folder / source}: expected stems FILE.wav, found no audio file")
        tracks = open_each(files, lambda path: FileTrack(path.stem, [path], audio))
        pools.append([Stem(track, 0) for track in tracks])
    return pools


def _refuse(what: str, tracks: Iterable[Track], forbidden: Iterable[Track], reason: str) -> None:
    """ValueError where a track shares its name, in any case, or a file with a forbidden one."""
    forbidden = list(forbidden)
    names = {track.name.casefold() for track in forbidden}
    files = {path.resolve() for track in forbidden for path in track.files}
    for track in tracks:
        same_file = next((path for path in track.files if path.resolve() in files), None)
        if same_file or track.name.casefold() in names:
            where = same_file or next(iter(track.files), track.name)
            raise ValueError(f"unpaired: {where} among the {what} {reason}; take it out")
