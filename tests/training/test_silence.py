import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.training.silence import require_sound

AUDIO = AudioFormat(1000, 1, ("low", "high"))


class Counted(Track):
    """A track in memory that counts the samples read of it."""

    def __init__(self, name: str, signals: Tensor) -> None:
        self.name, self.signals, self.num_samples = name, signals, signals.shape[-1]
        self.samples_read = 0

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        stop = self.stop(start, num_samples)
        self.samples_read += stop - start
        return self.signals[..., start:stop]  # (S, C, T)


def silent(name: str) -> Counted:
    return Counted(name, torch.zeros(2, 1, 25_000))


def test_reading_ends_where_every_source_has_sounded() -> None:
    first, second, third = silent("a"), silent("b"), silent("c")
    first.signals[0, 0, 12_000] = 1e-6
    second.signals[1, 0, 24_999] = -1e-6
    require_sound("training", [first, second, third], AUDIO)
    assert [track.samples_read for track in (first, second, third)] == [25_000, 25_000, 0]
    second.signals[1, 0, 5] = 1e-6
    second.samples_read = 0
    require_sound("training", [first, second, third], AUDIO)
    assert second.samples_read == 10_000


def test_a_source_that_never_sounds_is_named() -> None:
    tracks = [silent("a"), silent("b")]
    tracks[1].signals[0, 0, 7] = 0.5
    with pytest.raises(ValueError, match=r"^data: high silent .* in all 2 validation tracks;"):
        require_sound("validation", tracks, AUDIO)
