"""Reading segments of four-stem music from files, against the music that a training step takes."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import soundfile
import torch

from benchmarks.settings import Setting
from benchmarks.steps import plain_step
from benchmarks.table import Cell, Table
from benchmarks.timing import interleave
from gan_sep.audio import AudioFormat
from gan_sep.data import stem_folders
from gan_sep.data.batches import batches
from gan_sep.data.segments import PairedSegments

TRACKS = 4
FORMATS = ("wav", "flac")
WORKERS = (0, 2)


def loading(
    setting: Setting, track_seconds: float, segments: int, rounds: int, device: torch.device
) -> Table:
    """Seconds of four-stem music that the loader reads in a second, by format and workers."""
    with TemporaryDirectory() as folder:
        readers = {}
        for suffix in FORMATS:
            root = Path(folder) / suffix
            write_music(root, suffix, setting.audio, track_seconds)
            tracks = stem_folders.Config(root).build(setting.audio, "train")
            stream = PairedSegments(tracks, setting.audio.samples(setting.seconds), seed=0)
            for workers in WORKERS:
                readers[suffix, workers] = Reader(stream, setting.batch_size, segments, workers)
        read = {key: reader.median_rate(setting, rounds) for key, reader in readers.items()}
        step = interleave({"step": plain_step(setting, device)}, rounds, device)
    taken = setting.audio_seconds / step.median("step")  # seconds of music per second
    rows: list[dict[str, Cell]] = [
        {
            "format": suffix,
            "workers": float(workers),
            "read, s/s": rate,
            "a step takes, s/s": taken,
            "ratio": rate / taken,
        }
        for (suffix, workers), rate in read.items()
    ]
    remark = f"Seconds of music in a second; each reader and the step alone; the step: {setting}."
    return Table("Data loading", rows, remark)


@dataclass(frozen=True)
class Reader:
    """Reads a stream in the batches of training: `segments` of them in a round."""

    stream: PairedSegments
    batch_size: int
    segments: int
    workers: int

    def median_rate(self, setting: Setting, rounds: int) -> float:
        """Seconds of music in a second, the median of the rounds; the first one is not counted.

        Alone, not in turns: workers read ahead, and would do so in another reader's turn.
        """
        count = max(1, self.segments // self.batch_size)
        total = count * (rounds + 1)
        read = batches(self.stream, self.batch_size, 0, total, workers=self.workers)
        rates = []
        for _ in range(rounds + 1):
            started = perf_counter()
            for _ in range(count):
                next(read)
            rates.append(count * self.batch_size * setting.seconds / (perf_counter() - started))
        return median(rates[1:])


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
