"""The endless stream of training batches: what step n sees depends on the seed and n alone."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from typing import Any

from accelerate import Accelerator
from torch import Tensor

from gan_sep.augment import Augmentation, augment
from gan_sep.config.run import RunConfig
from gan_sep.data.batches import batches
from gan_sep.data.repitch import Repitched
from gan_sep.data.segments import PairedSegments, Segments, UnpairedSegments
from gan_sep.data.unpaired import Pools
from gan_sep.training.batch import Batch
from gan_sep.training.memory import require_batches_fit


class Stream:
    """Reads, augments and hands out the micro-batches of every step from any step on.

    A micro-batch of all processes together holds batch_size / accumulation consecutive segments of
    the stream; so neither resuming nor the number of processes changes what a step learns from.
    Unpaired material is read only in the steps in which the discriminators learn.
    Raises ValueError where the batch cannot be divided among the processes.
    """

    def __init__(self, config: RunConfig, pools: Pools, accelerator: Accelerator) -> None:
        self.config = config
        self.accelerator = accelerator
        self.accumulation = config.training.accumulation
        group = config.augment.group
        self.batch = self._share("training.batch_size", config.training.batch_size, group)
        segment = config.audio.samples(config.training.segment_seconds)
        shift = config.audio.samples(config.augment.reserve_seconds)
        read = config.augment.samples_read(segment + shift)
        self.paired = PairedSegments(pools.paired, read, config.seed)
        self.played: Segments[Tensor] = self.paired
        if config.augment.repitch is not None:
            rate = config.audio.sample_rate
            self.played = Repitched(
                self.paired, config.augment.repitch, segment + shift, rate, config.seed
            )
        self.unpaired: UnpairedSegments | None = None
        if config.unpaired and config.unpaired.batch_size and config.discriminator:
            self.unpaired_batch = self._share("unpaired.batch_size", config.unpaired.batch_size, 1)
            self.unpaired = UnpairedSegments(
                pools.mixtures, pools.stems, segment + shift, config.seed, self._paired_beside
            )
            self.unpaired.mixture(0)  # no step pairs more tracks than the first: an error comes now

    def _paired_beside(self, position: int) -> set[str]:
        """The names of the tracks paired in the step that sees an item of the unpaired stream."""
        assert self.config.unpaired is not None
        step = position // self.config.unpaired.batch_size
        size = self.config.training.batch_size
        return {self.paired.track(item).name for item in range(step * size, (step + 1) * size)}

    def _share(self, key: str, size: int, multiple: int) -> int:
        """One process's part of a micro-batch."""
        processes = self.accelerator.num_processes
        parts = processes * self.accumulation
        if size % (parts * multiple):
            raise ValueError(
                f"{key}: expected a multiple of {parts * multiple} ({processes} processes x "
                f"{self.accumulation} micro-batches x remix groups of {multiple}), got {size}"
            )
        batch = size // parts
        training, audio = self.config.training, self.config.audio
        ahead = min(training.workers, training.steps)
        device = self.accelerator.device
        require_batches_fit(key, batch, training.segment_seconds, audio, device, ahead)
        return batch

    def steps(self, first: int, last: int) -> Iterator[list[Batch]]:
        """The micro-batches of steps first to last - 1, on the accelerator's device."""
        start = self.config.adversarial.first_discriminator_step
        if self.unpaired is None:
            yield from self._steps(first, last, with_unpaired=False)
        else:
            yield from self._steps(first, min(max(start, first), last), with_unpaired=False)
            yield from self._steps(max(start, first), last, with_unpaired=True)

    def _steps(self, first: int, last: int, with_unpaired: bool) -> Iterator[list[Batch]]:
        unpaired = self._unpaired(first, last) if with_unpaired else repeat(None)
        micro_batches = map(Batch.of, self._paired(first, last), unpaired)
        for _ in range(first, last):
            yield [next(micro_batches) for _ in range(self.accumulation)]

    def _paired(self, first: int, last: int) -> Iterator[Tensor]:
        """Augmented sources (B, S, C, T), one micro-batch after the other."""
        settings = self.config.augment
        for item, sources in self._read(self.played, self.batch, first, last):
            yield self._augment(sources, settings, 0, item)

    def _unpaired(self, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented unpaired mixtures (U, C, T) and stems (U, S, C, T), one after the other."""
        assert self.unpaired is not None
        # Nothing to exchange: an unpaired mixture stays as it was played.
        settings = replace(self.config.augment, remix=None)
        read = self._read(self.unpaired, self.unpaired_batch, first, last)
        for item, (mixture, stems) in read:
            mixture = self._augment(mixture[:, None], settings, 1, item)  # (U, 1, C, T)
            yield mixture[:, 0], self._augment(stems, settings, 2, item)

    def _read(
        self, segments: Segments[Any], batch: int, first: int, last: int
    ) -> Iterator[tuple[int, Any]]:
        """The place of this process's first item in the stream, and its batch, one at a time."""
        numbers = range(first * self.accumulation, last * self.accumulation)
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        workers = self.config.training.workers
        read = batches(segments, batch, numbers.start, len(numbers), rank, world, workers)
        for number, items in zip(numbers, read, strict=True):
            yield (number * world + rank) * batch, items

    def _augment(self, signals: Tensor, settings: Augmentation, role: int, item: int) -> Tensor:
        """Move to the device and augment; each role of each seed has random numbers of its own."""
        signals = signals.to(self.accelerator.device, non_blocking=True)
        return augment(signals, settings, self.config.audio, 3 * self.config.seed + role, item)
