"""Tracks made of audio files: SPLIT/TRACK/SOURCE.{wav,flac,ogg,mp3}, matched to sources by name."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gan_sep import audio as audio_files
from gan_sep.audio import SUFFIXES, AudioFormat
from gan_sep.data.base import SPLITS, DataError, Track
from gan_sep.names import title


class FileTrack(Track):
    """A track of one file per source, in the order of `sources`.

    Raises FileNotFoundError or ValueError where a file is missing or unreadable, or where the files
    differ in sample rate or length.
    """

    def __init__(self, name: str, files: Sequence[Path], audio: AudioFormat) -> None:
        headers = [_header(path) for path in files]
        for path, header in zip(files[1:], headers[1:], strict=True):
            for what, unit, place in (("sample rate", "Hz", 0), ("length", "samples", 2)):
                found, expected = header[place], headers[0][place]
                if found != expected:
                    raise ValueError(
                        f"{path}: expected the {what} of {files[0].name} beside it, {expected} "
                        f"{unit}, got {found} {unit}; the stems of one track must agree"
                    )
        self.name, self.files, self._audio = title(name), tuple(files), audio
        self.num_samples = audio_files.resampled_length(
            headers[0].num_samples, headers[0].sample_rate, audio.sample_rate
        )

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read`: every source's file is opened, sought and resampled."""
        indices = range(len(self.files))
        return torch.stack([self.read_source(i, start, num_samples) for i in indices])  # (S, C, T)

    def read_source(self, index: int, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read_source`: only that source's file is opened."""
        length = self.stop(start, num_samples) - start
        rate, channels = self._audio.sample_rate, self._audio.channels
        return audio_files.read(self.files[index], rate, channels, start, length)  # (C, T)


def _header(path: Path) -> audio_files.Header:
    header = audio_files.read_header(path)
    audio_files.require_channels(path, header.channels)
    return header


def visible(folder: Path) -> list[Path]:
    """The entries of a folder by name, but hidden ones. Raises FileNotFoundError."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def audio_in(folder: Path) -> list[Path]:
    """The audio files directly in a folder, by name."""
    files = (path for path in visible(folder) if not path.is_dir())
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for an error message: the first few, and how many more there are."""
    quoted = [repr(name) for name in names]
    more = f" and {len(quoted) - most} more" if len(quoted) > most else ""
    return ", ".join(quoted[:most]) + more if quoted else "nothing"


def find_stems(folder: Path, sources: Sequence[str], ignore: Sequence[str]) -> list[Path]:
    """The file of each source in a track's folder, in the order of `sources`.

    Raises ValueError where a source has no file or two, or where a stem was not asked for.
    """
    stems: dict[str, Path] = {}
    for path in audio_in(folder):
        if path.stem in ignore:
            continue
        if path.stem in stems:
            raise ValueError(
                f"{folder}: expected one file per source, got {stems[path.stem].name} and "
                f"{path.name}"
            )
        stems[path.stem] = path
    missing = [source for source in sources if source not in stems]
    if missing:
        found = listed(path.name for path in visible(folder))
        raise ValueError(
            f"{folder}: no stem for {listed(missing)}; expected SOURCE.{{wav,flac,ogg,mp3}} for "
            f"each of audio.sources ({', '.join(sources)}), found {found}"
        )
    extra = [path.name for stem, path in stems.items() if stem not in sources]
    if extra:
        raise ValueError(
            f"{folder}: unexpected stem {listed(extra)}; audio.sources asks for "
            f"{', '.join(sources)} only, and leaving a stem out would change the mixture"
        )
    return [stems[source] for source in sources]


def track_folders(root: Path, split_folder: str) -> list[Path]:
    """The folders ROOT/SPLIT_FOLDER/TRACK by name; an error says where the layout differs."""
    folder = root / split_folder
    if not folder.is_dir():
        found = listed(path.name for path in visible(root))
        raise FileNotFoundError(
            f"{folder}: no such folder; data.root must hold {split_folder}/TRACK/SOURCE.wav, "
            f"and {root} holds {found}{_level_hint(root)}"
        )
    strays = audio_in(folder)
    if strays:
        raise ValueError(
            f"{folder}: expected one folder per track ({split_folder}/TRACK/SOURCE.wav), found "
            f"audio files directly in it: {listed(path.name for path in strays)}{_level_hint(root)}"
        )
    DataError.raise_for(
        [
            f"{path}: is a link to {path.readlink()}, which is not there"
            for path in visible(folder)
            if path.is_symlink() and not path.exists()
        ]
    )
    folders = [path for path in visible(folder) if path.is_dir()]
    if not folders:
        raise ValueError(
            f"{folder}: expected one folder per track, found no folder; no data to use"
        )
    return folders


def _level_hint(root: Path) -> str:
    """Where the splits are, if just above or below the folder that was named as root."""
    for candidate in (root.parent, root.parent.parent, *visible(root)):
        splits = [split for split in SPLITS if (candidate / split).is_dir()]
        if splits and any(
            child.is_dir() for split in splits for child in visible(candidate / split)
        ):
            return f"; did you mean data.root={candidate}?"
    return ""


def read_tracks(
    folders: Sequence[Path], audio: AudioFormat, ignore: Sequence[str] = ("mixture",)
) -> list[Track]:
    """A track for each folder TRACK/SOURCE.*, sorted by name.

    Raises DataError with all folders that are no track.
    """

    def track(folder: Path) -> Track:
        return FileTrack(folder.name, find_stems(folder, audio.sources, ignore), audio)

    return open_each(sorted(folders, key=lambda folder: folder.name), track, ignore)


def open_each(
    paths: Iterable[Path], track: Callable[[Path], Track], ignore: Sequence[str] = ()
) -> list[Track]:
    """The track of each path. Raises DataError with all paths that are none, and all their files.

    ignore: stems of files that are no sources.
    """
    tracks: list[Track] = []
    offenders: list[str] = []
    files: list[Path] = []
    for path in paths:
        try:
            tracks.append(track(path))
        except (ValueError, OSError) as error:
            offenders.append(str(error))
            inside = audio_in(path) if path.is_dir() else [path]
            files += [each for each in inside if each.stem not in ignore]
    for path in files:
        try:
            _header(path)
        except (ValueError, OSError) as error:
            offenders.append(str(error))
    DataError.raise_for(offenders, tracks, [path for path in files if path.is_file()])
    return tracks
