"""Random choices about data: a NumPy generator of its own for each (seed, purpose, counters)."""

import zlib

import numpy as np


def draw(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The generator of one choice: equal arguments give equal numbers, others unrelated ones."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *counters])
