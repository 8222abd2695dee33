"""What audio files say of their length, held against what they hold, before libsndfile opens them.

libsndfile believes headers: it takes a WAV or Ogg file that was cut off for a shorter song, guesses
the length of an MP3 file without a Xing header, and has none for FLAC from a pipe. Here a cut file
is refused, and a length that a header lacks is counted and put into a header that libsndfile reads
in the place of the file's own. No sample is decoded and nothing is allocated by what a header says.
"""

import io
import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_TAIL = 2**21  # bytes at the end of a file in which its last frame or page begins


class Head(NamedTuple):
    """What stands for the first `replaced` bytes of a file."""

    content: bytes
    replaced: int


class Patched(io.RawIOBase):
    """A file with another head, to be read and sought as one."""

    def __init__(self, path: Path, head: Head) -> None:
        self._file = path.open("rb")
        self._head, self._place = head, 0
        self._length = len(head.content) + os.fstat(self._file.fileno()).st_size - head.replaced

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        taken = self._head.content[self._place : self._place + len(into)]
        into[: len(taken)] = taken
        self._place += len(taken)
        if len(taken) < len(into):
            self._file.seek(self._place - len(self._head.content) + self._head.replaced)
            more = self._file.readinto(into[len(taken) :]) or 0
            self._place += more
            return len(taken) + more
        return len(taken)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_CUR: self._place, io.SEEK_END: self._length}.get(whence, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def checked_head(path: Path) -> Head | None:
    """The head to read a file with, None for its own. Raises ValueError where the file is cut."""
    status = path.stat()
    return _checked_head(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _checked_head(path: Path, size: int, changed: int) -> Head | None:
    with path.open("rb") as file:
        begin = file.read(12)
        try:
            if begin[:4] in (b"RIFF", b"RF64", b"BW64") and begin[8:] == b"WAVE":
                _check_wav(file, size)
            elif begin[:4] == b"fLaC":
                return _flac_head(file, size)
            elif begin[:4] == b"OggS":
                _check_ogg(file, size)
            elif begin[:3] == b"ID3" or _mpeg_frame(begin, 0):
                return _mpeg_head(path.read_bytes())
        except (struct.error, IndexError):
            return None  # no such file after all: libsndfile says what it is not
        except ValueError as error:
            raise ValueError(f"{path}: cut off or damaged: {error}") from error
    return None


def _said(samples: int, held: int) -> ValueError:
    return ValueError(f"its header says {samples} samples, the file holds {held}")


def _check_wav(file: io.BufferedReader, size: int) -> None:
    """Raises ValueError where the data chunk is shorter than its header says."""
    place, frame, long_size = 12, 1, None
    while place + 8 <= size:
        file.seek(place)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"fmt ":
            frame = max(1, struct.unpack("<12xH", file.read(14))[0])  # bytes of all channels
        elif name == b"data":
            if length == 0xFFFFFFFF:  # of a pipe: to the end; or of a long file, which says it
                length = long_size if long_size is not None else size - place - 8
            if size - place - 8 < length:
                raise _said(length // frame, (size - place - 8) // frame)
            return
        place += 8 + length + length % 2


def _check_ogg(file: io.BufferedReader, size: int) -> None:
    """Raises ValueError where the last page is not a stream's last."""
    tail = _tail(file, size)
    last = tail.rfind(b"OggS")
    page = tail[last:]
    length = 27 + page[26] + sum(page[27 : 27 + page[26]])
    if last < 0 or not page[5] & 4 or len(page) < length:
        raise ValueError("it ends before its last page")


def _tail(file: io.BufferedReader, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read()


def _flac_head(file: io.BufferedReader, size: int) -> Head | None:
    """STREAMINFO with the number of samples where a pipe could not write it."""
    file.seek(0)
    begin = bytearray(file.read(42))
    if len(begin) < 42:
        raise ValueError("it ends within its header")
    said = int.from_bytes(begin[18:26]) & (2**36 - 1)
    tail = _tail(file, size)
    if tail[-128:-125] == b"TAG":
        tail = tail[:-128]
    held = _flac_samples(tail, fixed_size=int.from_bytes(begin[8:10]))
    if held is None:
        raise ValueError(f"its last frame is not whole, and its header says {said} samples")
    if said == held:
        return None
    if said:
        raise _said(said, held)
    begin[18:26] = (int.from_bytes(begin[18:26]) | held).to_bytes(8)
    return Head(bytes(begin), len(begin))


def _flac_samples(tail: bytes, fixed_size: int) -> int | None:
    """Where the frame that ends the file ends, in samples; None where no frame ends there."""
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        frame = tail[place:]
        if len(frame) > 10 and frame[1] in (0xF8, 0xF9):
            end = _flac_frame_end(frame, fixed_size)
            if end and _crc(frame[:-2], 0x8005, 16) == int.from_bytes(frame[-2:]):
                return end
    return None


def _flac_frame_end(frame: bytes, fixed_size: int) -> int | None:
    """The sample after a frame by its header, None where its checksum is wrong."""
    size_code, rate_code = frame[2] >> 4, frame[2] & 15
    if not size_code:
        return None
    more = max(0, 8 - (frame[4] ^ 0xFF).bit_length() - 1)  # bytes that follow in the number
    number = frame[4] & (0xFF >> (more + 2 if more else 1))
    for byte in frame[5 : 5 + more]:
        number = number << 6 | byte & 63
    place = 5 + more
    extra = {6: 1, 7: 2}.get(size_code, 0)
    size = int.from_bytes(frame[place : place + extra]) + 1
    if not extra:
        size = 192 if size_code == 1 else 576 << size_code - 2 if size_code < 6 else 1 << size_code
    place += extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if place >= len(frame) or _crc(frame[:place], 0x07, 8) != frame[place]:
        return None
    return (number if frame[1] & 1 else number * fixed_size) + size


@lru_cache(maxsize=2)
def _crc_table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        rest = byte << bits - 8
        for _ in range(8):
            rest = (rest << 1 ^ polynomial if rest >> bits - 1 else rest << 1) & (1 << bits) - 1
        table.append(rest)
    return table


def _crc(content: bytes, polynomial: int, bits: int) -> int:
    table, rest, mask = _crc_table(polynomial, bits), 0, (1 << bits) - 1
    for byte in content:
        rest = (rest << 8 & mask) ^ table[(rest >> bits - 8) ^ byte]
    return rest


class _Frame(NamedTuple):
    """A frame of MPEG audio: its length in bytes, and what all frames of a file have in common."""

    length: int
    kind: bytes
    side_information: int


_RATES = (44100, 48000, 32000)
_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def _mpeg_frame(content: bytes, place: int) -> _Frame | None:
    """The layer 3 frame that begins at a place, None where none does."""
    head = content[place : place + 4]
    if len(head) < 4 or head[0] != 255 or head[1] >> 5 != 7:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    kbits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer != 1 or kbits in (0, 15) or rate == 3:
        return None
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = (_KBITS if version == 3 else _KBITS_LOW)[kbits] * 1000
    length = (144 if version == 3 else 72) * bits // hertz + (head[2] >> 1 & 1)
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    return _Frame(length, bytes([head[1] & 0xFE, head[2] & 0x0C, mono]), side)


def _mpeg_frames(content: bytes, place: int) -> Iterator[int]:
    """Where the whole frames of one kind begin, from the first at or after a place."""
    kind = None
    while place < len(content) - 4:
        frame = _mpeg_frame(content, place)
        fits = frame is not None and kind in (None, frame.kind)
        if frame is not None and fits and kind is None:  # the first: another has to follow
            following = _mpeg_frame(content, place + frame.length)
            fits = following is not None and following.kind == frame.kind
        if frame is None or not fits:
            place = content.find(b"\xff", place + 1)
            if place < 0:
                return
            continue
        kind = frame.kind
        if place + frame.length <= len(content):
            yield place
        place += frame.length


def _mpeg_head(file: bytes) -> Head | None:
    """A first frame that says how many there are, where the file has none that says it."""
    place = 0
    while file[place : place + 3] == b"ID3":
        size = file[place + 6 : place + 10]
        place += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    places = list(_mpeg_frames(file, place))
    if not places:
        return None
    first = places[0]
    frame = _mpeg_frame(file, first)
    assert frame is not None
    tag = first + 4 + frame.side_information
    name, flags = file[tag : tag + 4], int.from_bytes(file[tag + 4 : tag + 8])
    if name in (b"Xing", b"Info") and flags & 1:
        said, held = int.from_bytes(file[tag + 8 : tag + 12]), len(places) - 1
        if said > held + 1:
            raise ValueError(f"its header says {said} frames, the file holds {held}")
        return None
    vbri = first + 36
    if file[vbri : vbri + 4] == b"VBRI":
        return None
    version = file[first + 1] >> 3 & 3
    head = bytearray(file[first : first + 4])
    head[1] |= 1  # no checksum follows
    head[2] = (9 if version == 3 else 12) << 4 | head[2] & 0x0C  # 128 kbit/s, no padding
    made = _mpeg_frame(bytes(head), 0)
    assert made is not None
    count = b"Xing" + struct.pack(">II", 1, len(places))
    return Head(
        bytes((head + bytes(frame.side_information) + count).ljust(made.length, b"\0")), first
    )
