"""Random choices about data: a NumPy generator of its own for each (seed, purpose, counters)."""

import zlib

import numpy as np


def draw(seed: int, purpose: str | int, *counters: int) -> np.random.Generator:
    """The generator of one choice: equal arguments give equal numbers, others unrelated ones.

    purpose: in words, or the number of a stream, which stays when the words change.
    """
    stream = purpose if isinstance(purpose, int) else zlib.crc32(purpose.encode())
    return np.random.default_rng([seed, stream, *counters])
