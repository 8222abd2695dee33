"""MUSDB18: the .stem.mp4 release, decoded once into FLAC files, or MUSDB18-HQ, read as it is.

150 songs, 100 to train on, of which 14 validate, and 50 to test on (Rafii, Liutkus, Stöter,
Mimilakis and Bittner, The MUSDB18 corpus for music separation, 2017).
"""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from tqdm import tqdm

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.base import Check, Split, Track, require_sources
from gan_sep.data.files import read_tracks, track_folders, visible
from gan_sep.data.validation import MUSDB18_VALIDATION, held_out

# The order of the streams after the mixture in a .stem.mp4 file.
SOURCES = ("drums", "bass", "other", "vocals")
STEM_SUFFIX = ".stem.mp4"


@dataclass(frozen=True)
class Config:
    """The folder that holds train/ and test/ of either release.

    Decoding .stem.mp4 files anew for every segment would starve training; MUSDB18-HQ needs none.
    """

    root: Path  # the folder that holds train/ and test/
    cache: Path | None = None  # keeps decoded stems, about 15 GB; null: ROOT-flac beside the root
    # full decodes every file once before the first step; headers looks at headers and names only.
    check: Check = "full"

    sources: ClassVar[tuple[str, ...] | None] = SOURCES

    def build(self, audio: AudioFormat, split: Split) -> list[Track]:
        """The tracks of one split; see `DataConfig.build`. The first call decodes them."""
        require_sources("musdb", SOURCES, audio)
        subset = "test" if split == "test" else "train"
        stem_files = _stem_files(self.root / subset)
        names = list(stem_files) or [f.name for f in track_folders(self.root, subset)]
        if subset == "train":
            held = held_out(names, MUSDB18_VALIDATION, self.root / subset)
            names = [name for name in names if (name in held) == (split == "valid")]
        if not stem_files:
            return read_tracks([self.root / subset / name for name in names], audio)
        root = self.root.resolve()
        cache = (self.cache or root.with_name(f"{root.name}-flac")) / subset
        decode({name: stem_files[name] for name in names}, cache)
        return read_tracks([cache / name for name in names], audio)


def _stem_files(folder: Path) -> dict[str, Path]:
    """Title -> file, of the .stem.mp4 files directly in a folder; empty for another release."""
    paths = visible(folder) if folder.is_dir() else []
    stems = [path for path in paths if path.name.endswith(STEM_SUFFIX)]
    return {path.name.removesuffix(STEM_SUFFIX): path for path in stems}


def decode(stem_files: dict[str, Path], cache: Path) -> None:
    """Decode the files into CACHE/TITLE/SOURCE.flac, those that are not there yet.

    A title's folder appears whole or not at all, so an interrupted run goes on where it was, and
    several processes may decode at once: the first to finish a title wins.
    """
    waiting = [title for title in stem_files if not (cache / title).is_dir()]
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"data.cache: cannot make the folder {cache} for decoded stems: {error}; "
            f"set data.cache to a folder that can be written"
        ) from error
    for partial in cache.glob(".*.partial"):  # of a process that was killed: songs take seconds
        if time.time() - partial.stat().st_mtime > 3600:
            shutil.rmtree(partial, ignore_errors=True)
    for title in tqdm(waiting, desc=f"decoding into {cache}", unit="track", disable=not waiting):
        if not (cache / title).is_dir():
            _decode_track(stem_files[title], cache / title)


def _decode_track(stem_file: Path, folder: Path) -> None:
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    stems, rate = _read_stem_file(stem_file)  # (5, C, T)
    try:
        for source, signal in zip(SOURCES, stems[1:], strict=True):
            # 16 bits are lossless: that is what the decoder gives.
            audio_files.write(partial / f"{source}.flac", signal, rate, "PCM_16")
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _read_stem_file(stem_file: Path) -> tuple[torch.Tensor, int]:
    """The mixture and the four stems, (5, C, T), and their rate in Hz."""
    try:
        import musdb
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"{stem_file}: decoding needs the package musdb and the program ffmpeg: {error}; "
            f"install them (pip install musdb, apt install ffmpeg), or use MUSDB18-HQ, which needs "
            "neither"
        ) from error
    try:
        track = musdb.MultiTrack(path=str(stem_file), name=stem_file.name, stem_id=0)
        stems = torch.from_numpy(track.stems).float().transpose(1, 2)  # (streams, C, T)
    except Exception as error:
        raise ValueError(f"{stem_file}: not readable as stems, perhaps corrupt: {error}") from error
    if len(stems) != 1 + len(SOURCES):
        raise ValueError(
            f"{stem_file}: expected 5 streams (mixture, {', '.join(SOURCES)}), got {len(stems)}"
        )
    return stems, int(track.rate)
