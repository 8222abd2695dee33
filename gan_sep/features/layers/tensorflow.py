"""Checkpoints of TensorFlow 1, read without it: an index in the format of LevelDB, and raw values.

Source: the format of tensorflow/core/util/tensor_bundle and of LevelDB's tables.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_FLOAT = 1


def read_checkpoint(folder: Path) -> dict[str, Tensor]:
    """All float32 tensors of FOLDER/.index and .data-00000-of-00001, by name.

    Raises ValueError where these are no such files.
    """
    index, values = (folder / name for name in (".index", ".data-00000-of-00001"))
    if not index.is_file() or not values.is_file():
        raise ValueError(f"weights: {folder}: expected a checkpoint of TensorFlow, found none")
    table, data = index.read_bytes(), values.read_bytes()
    if len(table) < _FOOTER or table[-8:] != _MAGIC:
        raise ValueError(f"weights: {index}: damaged or no index of a checkpoint")
    footer = len(table) - _FOOTER
    _, place = _handle(table, footer)
    (start, size), _ = _handle(table, place)
    found = {}
    for _, value in _entries(table[start : start + size]):
        (start_of_block, size_of_block), _ = _handle(value, 0)
        for name, entry in _entries(table[start_of_block : start_of_block + size_of_block]):
            fields = _fields(entry)
            if name and fields.get(1) == [_FLOAT]:
                found[name.decode()] = _tensor(fields, data)
    return found


def _tensor(fields: dict[int, list[int | bytes]], data: bytes) -> Tensor:
    dimensions = _fields(bytes(fields[2][0])).get(2, []) if 2 in fields else []
    shape = [int(_fields(bytes(each)).get(1, [0])[0]) for each in dimensions]
    offset = int(fields.get(4, [0])[0])
    array = np.frombuffer(data, "<f4", int(np.prod(shape)), offset)
    return torch.from_numpy(array.reshape(shape).copy())


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and where they end."""
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return (offset, size), place


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of an uncompressed block; a key repeats the beginning of the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end, place, key = len(block) - 4 * (restarts + 1), 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : place + own + length]
        place += own + length


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protocol buffer by number."""
    found: dict[int, list[int | bytes]] = {}
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        value: int | bytes
        if tag & 7 == 0:
            value, place = _varint(message, place)
        else:
            length = {1: 8, 5: 4}.get(tag & 7)
            if length is None:
                length, place = _varint(message, place)
            value, place = message[place : place + length], place + length
        found.setdefault(tag >> 3, []).append(value)
    return found
