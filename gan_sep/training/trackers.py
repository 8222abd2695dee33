"""Accelerate's trackers: the figures of records.jsonl, and what validation tracks sound like."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker
from torch import Tensor, nn

from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.data.base import Track
from gan_sep.evaluation.separate import OverlapAdd, separate
from gan_sep.spectra import decibels, power_spectrogram

EXCERPT_SECONDS = 10.0
RANGE_DB = 80.0


def require_trackers(names: Sequence[str]) -> None:
    """ValueError naming the trackers whose package is not installed."""
    if missing := [name for name in names if find_spec(name) is None]:
        raise ValueError(
            f"training.trackers: {', '.join(missing)} not installed: "
            f"pip install {' '.join(missing)}, or leave it out (training.trackers=[])"
        )


class Trackers:
    """The trackers of a run, told the same numbers; only for the main process.

    TensorBoard also gets audio and spectrograms, and hides what a run that is resumed wrote beyond
    its checkpoint; Weights & Biases begins a new run of the same name then. What they write may
    fail at any later call, with OSError naming the folder.
    """

    def __init__(self, folder: Path, config: RunConfig, tracks: list[Track], step: int) -> None:
        self.config = config
        self.folder = folder
        self.tracks = tracks
        self.trackers: list[GeneralTracker] = []
        self.tensorboard: TensorBoardTracker | None = None
        if "tensorboard" in config.training.trackers:
            events = folder / "tensorboard"
            self.tensorboard = TensorBoardTracker("", logging_dir=events, purge_step=step + 1)
            self.trackers.append(self.tensorboard)
        if "wandb" in config.training.trackers:
            names = {"name": f"{config.name}/{folder.name}", "group": config.name}
            settings = {"dir": str(folder), "config": to_dict(config)}
            self.trackers.append(WandBTracker("gan_sep", **names, **settings))
        with self._named():
            for tracker in self.trackers:
                tracker.start()

    def add_scalars(self, tree: Mapping[str, Any], step: int) -> None:
        """Every number in a nested record, under its path; lists (histograms) are left out."""
        with self._named():
            for tracker in self.trackers:
                tracker.log(dict(_flatten(tree)), step=step)

    def add_separations(self, generator: nn.Module, step: int) -> None:
        """Audio and spectrograms of each source's estimate, and once those of the true sources."""
        if self.tensorboard is None:
            return
        audio = self.config.audio
        for track in self.tracks:
            excerpt = min(track.num_samples, audio.samples(EXCERPT_SECONDS))
            references = track.read((track.num_samples - excerpt) // 2, excerpt)  # (S, C, T)
            mixture = references.sum(0)  # (C, T)
            pieces = OverlapAdd(audio.samples(self.config.evaluation.segment_seconds))
            estimates = separate(generator, mixture, pieces)  # (S, C, T)
            with self._named():
                self._add_signals(f"{track.name}/estimate", estimates, step)
                self._add_signals(f"{track.name}/reference", references, step)

    def _add_signals(self, name: str, signals: Tensor, step: int) -> None:
        assert self.tensorboard is not None
        writer, audio = self.tensorboard.writer, self.config.audio
        for source, signal in zip(audio.sources, signals, strict=True):
            mono = signal.mean(0)  # (T,); TensorBoard plays one channel
            peak = mono.abs().max().clamp_min(1.0)
            writer.add_audio(f"{name}/{source}", mono / peak, step, sample_rate=audio.sample_rate)
            writer.add_image(f"{name}/{source}", _picture(mono), step, dataformats="HW")

    def close(self) -> None:
        with self._named():
            if self.tensorboard is not None:
                self.tensorboard.writer.flush()  # tells what its thread met, as close does not
            for tracker in self.trackers:
                tracker.finish()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(self.folder / "tensorboard")
            raise


def _picture(mono: Tensor) -> Tensor:
    """Log spectrogram of a signal (T,) as an image (F, N) in [0, 1], low frequencies below."""
    level = decibels(power_spectrogram(mono[None], 1024, 512)[0], -RANGE_DB)  # (F, N), dB
    picture = (level / RANGE_DB + 1).clamp(0, 1).flip(0)
    return picture.to(torch.float32)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and key != "step":
            yield f"{prefix}{key}", value
