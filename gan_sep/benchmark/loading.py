"""Reading segments of four-stem music from files, against the music that a training step takes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch

from gan_sep.audio import AudioFormat
from gan_sep.benchmark.steps import Setting, plain_step
from gan_sep.benchmark.table import Cell, Table
from gan_sep.benchmark.timing import interleave
from gan_sep.data import stem_folders
from gan_sep.data.segments import PairedSegments

TRACKS = 4
FORMATS = ("wav", "flac")


def loading(
    setting: Setting, track_seconds: float, segments: int, rounds: int, device: torch.device
) -> Table:
    """Seconds of four-stem music read in a second, in one process, by file format."""
    with TemporaryDirectory() as folder:
        readers = {}
        for suffix in FORMATS:
            root = Path(folder) / suffix
            write_music(root, suffix, setting.audio, track_seconds)
            tracks = stem_folders.Config(root).build(setting.audio, "train")
            readers[suffix] = Reader(
                PairedSegments(tracks, setting.audio.samples(setting.seconds), seed=0), segments
            )
        timings = interleave({**readers, "step": plain_step(setting, device)}, rounds, device)
    taken = setting.audio_seconds / timings.median("step")  # seconds of music per second
    rows: list[dict[str, Cell]] = []
    for suffix in FORMATS:
        read = segments * setting.seconds / timings.median(suffix)
        rows.append(
            {"format": suffix, "read, s/s": read, "a step takes, s/s": taken, "ratio": read / taken}
        )
    remark = f"Seconds of music in a second, without workers; the step: {setting}."
    return Table("Data loading", rows, remark)


class Reader:
    """Reads the next so many segments of a stream at each call."""

    def __init__(self, stream: PairedSegments, segments: int) -> None:
        self.stream, self.segments, self.position = stream, segments, 0

    def __call__(self) -> None:
        for _ in range(self.segments):
            self.stream[self.position]
            self.position += 1


def write_music(root: Path, suffix: str, audio: AudioFormat, seconds: float) -> None:
    """A stem folder of train tracks, 16 bit: tones in noise, which FLAC packs about as music."""
    generator = np.random.default_rng(0)
    time = np.arange(audio.samples(seconds)) / audio.sample_rate  # (T,)
    for track in range(TRACKS):
        folder = root / "train" / f"track{track}"
        folder.mkdir(parents=True)
        for pitch, source in enumerate(audio.sources, 1):
            tone = 0.2 * np.sin(2 * np.pi * 55 * pitch * time)  # (T,)
            noise = generator.normal(0, 0.01, (len(time), audio.channels))  # (T, C)
            stem = tone[:, None] + noise
            soundfile.write(folder / f"{source}.{suffix}", stem, audio.sample_rate, "PCM_16")
