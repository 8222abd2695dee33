"""Data are known before the first step: every file of every split, and all offenders at once.

`data.check: full` decodes every file once and remembers what it found, by path, size and time of
the last change, in $GAN_SEP_CACHE or ~/.cache/gan_sep; `headers` looks at headers and sizes only.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data.base import SPLITS, DataConfig, DataError, Track
from gan_sep.runs import reading_file, write_text

SHORTEST = 2049  # samples of a validation or test song: a window of the spectral metrics
_PIECE = 2**16  # bytes at the beginning, the middle and the end of a file that tell it from others


class Content(NamedTuple):
    """What decoding a whole file found."""

    digest: str  # of its samples; "" where all are zero
    fault: str  # what is wrong with it; "" for nothing


def open_splits(
    data: DataConfig, audio: AudioFormat
) -> tuple[dict[str, list[Track]], dict[str, DataError]]:
    """The tracks of all splits that can be opened, and by split what is wrong with the others.

    A split that is not there at all is one of these; raises what the first says if none is there.
    """
    found: dict[str, list[Track]] = {}
    errors: dict[str, DataError] = {}
    absent = []
    for split in SPLITS:
        try:
            found[split] = data.build(audio, split)
        except DataError as error:
            errors[split] = error
        except (ValueError, FileNotFoundError) as error:
            errors[split] = DataError([str(error)])
            absent.append(error)
        if split in errors:
            found[split] = list(errors[split].opened)
    if len(absent) == len(SPLITS):
        raise absent[0]
    return found, errors


def check_tracks(
    groups: Mapping[str, Sequence[Track]],
    shortest: Mapping[str, tuple[int, str]],
    full: bool,
    errors: Collection[DataError] = (),
) -> None:
    """Raises DataError where tracks are too short, share their content, or hold what is no sound.

    errors: of tracks that could not be opened, which come first in the same message.

    groups: by split, and others such as "unpaired"; only validation and test may share nothing with
    any other. shortest: of a group, how many samples a track needs, and what for.
    """
    offenders = [said for error in errors for said in error.offenders]
    offenders += [
        f"{_place(track)}: expected at least {samples} samples in a track of {group} ({reason}), "
        f"got {track.num_samples}"
        for group, (samples, reason) in shortest.items()
        for track in groups[group]
        if track.num_samples < samples
    ]
    files = {path: None for tracks in groups.values() for t in tracks for path in t.files}
    files |= {path: None for error in errors for path in error.files}
    if full:
        contents = examine(files)
        offenders += [f"{path}: {fault}" for path, (_, fault) in contents.items() if fault]
        offenders += _shared(groups, lambda t: {contents[f].digest for f in t.files} - {""})
    else:
        offenders += _shared(groups, lambda t: {",".join(map(quick_digest, t.files))} - {""})
    DataError.raise_for(offenders)


def _place(track: Track) -> Path | str:
    """Where a track lies: its only file, or its folder."""
    if not track.files:
        return f"track {track.name!r}"
    return track.files[0] if len(track.files) == 1 else track.files[0].parent


def _shared(groups: Mapping[str, Sequence[Track]], keys: Callable[[Track], set[str]]) -> list[str]:
    """Tracks of a key that a track of another group has as well, where that is not allowed."""
    offenders = []
    by_key = {
        group: {key: track for track in tracks for key in sorted(keys(track))}
        for group, tracks in groups.items()
    }
    for one, other in combinations(groups, 2):
        if not {one, other} & {"valid", "test"}:
            continue
        pairs = {
            (_place(by_key[one][key]), _place(by_key[other][key]))
            for key in by_key[one].keys() & by_key[other].keys()
        }
        offenders += [
            f"{here}, of {one}, holds the same music as {there}, of {other}; take one out"
            for here, there in sorted(pairs, key=str)
        ]
    return offenders


def same_names(groups: Mapping[str, Sequence[Track]]) -> list[str]:
    """What a user should know though it may be right: titles that two splits have in common."""
    said = []
    for one, other in combinations(SPLITS, 2):
        titles = {track.name.casefold(): track for track in groups[one]}
        for track in groups[other]:
            if track.name.casefold() in titles:
                there = _place(titles[track.name.casefold()])
                said.append(f"{there} and {_place(track)} have one name and other music")
    return said


def examine(files: Iterable[Path]) -> dict[Path, Content]:
    """What is in the files, decoded where that is not known yet."""
    known, found = _known(), {}
    waiting = []
    for path in files:
        key = _key(path)
        if key in known:
            found[path] = known[key]
        else:
            waiting.append(path)
    for path in tqdm(waiting, desc="checking audio", unit="file", disable=len(waiting) < 100):
        found[path] = known[_key(path)] = _decode(path)
    if waiting:
        with contextlib.suppress(OSError):
            write_text(_cache(), json.dumps({**_known(), **known}))
    return found


def _decode(path: Path) -> Content:
    digest, sounds = hashlib.blake2b(digest_size=16), False
    try:
        for block in audio_files.blocks(path):  # (C, T)
            digest.update(block.numpy().data)
            sounds = sounds or bool(block.any())
    except (ValueError, OSError) as error:
        return Content("", str(error).removeprefix(f"{path}: "))
    return Content(digest.hexdigest() if sounds else "", "")


def _key(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


def _cache() -> Path:
    folder = os.environ.get("GAN_SEP_CACHE") or Path.home() / ".cache" / "gan_sep"
    return Path(folder) / "checked.json"


def _known() -> dict[str, Content]:
    """What was found in earlier calls; a cache that cannot be read costs time, no more."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        stored = json.loads(_cache().read_text("utf-8"))
        return {key: Content(*map(str, value)) for key, value in stored.items()}
    return {}


def quick_digest(path: Path) -> str:
    """A digest of a file's size and of its bytes at the beginning, in the middle and at the end."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(str(size).encode())
        for place in (0, max(0, size // 2 - _PIECE // 2), max(0, size - _PIECE)):
            file.seek(place)
            digest.update(file.read(_PIECE))
    return digest.hexdigest()


def fingerprint(groups: Mapping[str, Sequence[Track]]) -> dict[str, dict[str, str]]:
    """What the data of a run are: group -> name of the track -> its length and its files' digest.

    The same on every machine that has the same files, wherever they lie. `differences` of two says
    in words what changed.
    """
    return {
        group: {track.name: _identity(track) for track in sorted(tracks, key=lambda t: t.name)}
        for group, tracks in groups.items()
    }


def _identity(track: Track) -> str:
    digest = hashlib.blake2b("".join(map(quick_digest, track.files)).encode(), digest_size=8)
    return f"{track.num_samples} {digest.hexdigest()}"


def differences(
    before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """What two fingerprints do not share, such as "train/T9 is new" or "test/T0 has changed"."""
    said = []
    for group in sorted({*before, *now}):
        old, new = before.get(group, {}), now.get(group, {})
        said += [f"{group}/{name} is gone" for name in old if name not in new]
        said += [f"{group}/{name} is new" for name in new if name not in old]
        said += [
            f"{group}/{name} has changed" for name in old if new.get(name, old[name]) != old[name]
        ]
    return said


def require_same(data_file: Path, now: Mapping[str, Mapping[str, str]]) -> None:
    """ValueError where the fingerprint that a run has left differs, with the first such songs."""
    if not data_file.is_file():
        return
    with reading_file(data_file, "the fingerprint of a run's data"):
        said = differences(json.loads(data_file.read_text("utf-8")), now)
    if said:
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        raise ValueError(
            f"{data_file.parent}: the data are no longer those of this run: {', '.join(said[:3])}"
            f"{more}; bring them back, or give the new run another name"
        )


def tell(remarks: Sequence[str], most: int = 3) -> None:
    """Print remarks about data, the first ones and how many more there are."""
    for remark in remarks[:most]:
        print(f"data: {remark}", file=sys.stderr)
    if len(remarks) > most:
        print(f"data: {len(remarks) - most} more pairs of one name", file=sys.stderr)
