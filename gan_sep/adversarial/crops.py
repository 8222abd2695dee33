"""Crops: which part of each segment the discriminators get, if not all of it.

A discriminator of short crops has less around each moment of music to know it by again, and costs
less: on a CPU, crops of a third of the segments make of what the discriminators add to a step two
fifths, of what those of waveforms add about half. A source and its estimate are cropped at the same
place, so that the discriminator cannot tell them by where they come from.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.adversarial.material import Batch, Place
from gan_sep.random import draw

CROPS = {"paired": 898746547, "unpaired": 2794916546}  # streams of random numbers


@dataclass(frozen=True)
class Crops:
    """Crops of num_samples at places that the seed and the step decide.

    Drawn for each segment by its number in the step: neither accumulation nor the number of
    processes nor resuming changes what is scored.
    """

    num_samples: int
    seed: int

    def __call__(self, batch: Batch, estimates: Tensor, place: Place) -> tuple[Batch, Tensor]:
        """A micro-batch and its estimates (B + U, S, C, T) -> num_samples instead of T."""
        B = len(batch.sources)
        starts = self._starts("paired", batch.sources, place)
        sources, found = self._crop(starts, batch.sources, estimates[:B])
        if batch.unpaired is None:
            return Batch(sources), found
        starts = self._starts("unpaired", batch.unpaired[0], place)
        mixtures, stems, others = self._crop(starts, *batch.unpaired, estimates[B:])
        return Batch(sources, (mixtures, stems)), torch.cat([found, others])

    def _starts(self, kind: str, signals: Tensor, place: Place) -> list[int]:
        """The first sample of each of the crops of (B, ..., T)."""
        T = signals.shape[-1]
        return [
            crop_start(T, self.num_samples, self.seed, CROPS[kind], place.step, item)
            for item in place.items(len(signals))
        ]

    def _crop(self, starts: Iterable[int], *alike: Tensor) -> list[Tensor]:
        """Each of alike (B, ..., T) -> (B, ..., num_samples), item by item from its start."""
        spans = [slice(start, start + self.num_samples) for start in starts]
        return [
            torch.stack([item[..., span] for item, span in zip(signals, spans, strict=True)])
            for signals in alike
        ]


def crop_start(
    num_samples: int, crop_samples: int, seed: int, purpose: str | int, *counters: int
) -> int:
    """The first sample of a crop, all those from which it is whole being equally likely."""
    return int(draw(seed, purpose, *counters).integers(num_samples - crop_samples + 1))
