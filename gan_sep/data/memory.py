"""Tracks kept in memory after their first use, for material that is slow to decode or to make."""

from collections.abc import Sequence
from threading import Lock

from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track


class MemoryBudget:
    """Bytes that tracks may keep, first come, first served.

    Nothing is ever evicted: over a permutation of tracks larger than the budget, keeping the latest
    would forget each just before it is wanted again.
    """

    def __init__(self, num_bytes: int) -> None:
        self._left = num_bytes
        self._lock = Lock()

    def reserve(self, num_bytes: int) -> bool:
        """Whether num_bytes were left; they are taken."""
        with self._lock:
            if num_bytes > self._left:
                return False
            self._left -= num_bytes
            return True


class RememberedTrack(Track):
    """A track that is read whole once and then served from memory, as far as the budget reaches."""

    def __init__(self, track: Track, num_bytes: int, budget: MemoryBudget) -> None:
        self.name, self.num_samples, self.files = track.name, track.num_samples, track.files
        self._track, self._num_bytes, self._budget = track, num_bytes, budget
        self._sources: Tensor | None = None
        self._first_use = Lock()

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read`; the caller owns the result."""
        stop = self.stop(start, num_samples)
        with self._first_use:  # two threads would read it twice and pay for it twice
            if self._sources is None and self._budget.reserve(self._num_bytes):
                self._sources = self._track.read()  # (S, C, T of the track)
        if self._sources is None:
            return self._track.read(start, stop - start)
        return self._sources[..., start:stop].clone()  # (S, C, T)

    def read_source(self, index: int, start: int = 0, num_samples: int | None = None) -> Tensor:
        """See `Track.read_source`; it puts nothing into memory."""
        if self._sources is None:
            return self._track.read_source(index, start, num_samples)
        return self._sources[index, :, start : self.stop(start, num_samples)].clone()  # (C, T)


def remember(tracks: Sequence[Track], audio: AudioFormat, gigabytes: float) -> list[Track]:
    """The tracks, kept in memory up to `gigabytes` (10^9 bytes) in each process."""
    budget = MemoryBudget(int(gigabytes * 1e9))
    bytes_per_sample = 4 * len(audio.sources) * audio.channels
    return [RememberedTrack(t, t.num_samples * bytes_per_sample, budget) for t in tracks]
