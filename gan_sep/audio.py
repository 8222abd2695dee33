"""The audio format of an experiment: what every part agrees on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioFormat:
    """What all signals of one experiment have in common.

    sample_rate in Hz; channels 1 (mono) or 2 (stereo); sources, the stems' names in the order of axis S.
    Raises ValueError on a rate or channel count out of range, and on repeated or missing source names.
    """

    sample_rate: int = 44100
    channels: int = 2
    sources: tuple[str, ...] = ("drums", "bass", "other", "vocals")

    def __post_init__(self) -> None:
        if self.sample_rate < 1000:
            raise ValueError(f"sample_rate: expected at least 1000 Hz, got {self.sample_rate}")
        if self.channels not in (1, 2):
            raise ValueError(f"channels: expected 1 (mono) or 2 (stereo), got {self.channels}")
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise ValueError(f"sources: expected distinct names, got {list(self.sources)}")

    def samples(self, seconds: float) -> int:
        """Seconds -> the nearest number of samples."""
        return round(seconds * self.sample_rate)
