"""What a step learns from, and where it stands."""

from typing import NamedTuple, Self

import torch
from torch import Tensor


class Place(NamedTuple):
    """Where a micro-batch stands: its step, and how many of any process come before it in it."""

    step: int
    before: int = 0


class Batch(NamedTuple):
    """The N segments of a micro-batch, paired ones first.

    A paired segment's stems are those of its mixture and sum to it. An unpaired one's belong to
    other tracks than its mixture, whose own stems nobody knows.
    """

    sources: Tensor  # (N, S, C, T), the stems
    mixture: Tensor  # (N, C, T)
    num_paired: int  # how many are paired

    @classmethod
    def of(cls, sources: Tensor, unpaired: tuple[Tensor, Tensor] | None = None) -> Self:
        """Paired stems (B, S, C, T); unpaired mixtures (U, C, T) with stems (U, S, C, T)."""
        mixture = sources.sum(1)  # (B, C, T)
        if unpaired is None:
            return cls(sources, mixture, len(sources))
        mixtures, stems = unpaired
        return cls(torch.cat([sources, stems]), torch.cat([mixture, mixtures]), len(sources))

    def paired(self) -> Self:
        """Its paired segments alone."""
        count = self.num_paired
        return type(self)(self.sources[:count], self.mixture[:count], count)

    def kinds(self) -> dict[str, int]:
        """How many segments there are of each kind of material that it holds, in their order."""
        counts = {"paired": self.num_paired, "unpaired": len(self.sources) - self.num_paired}
        return {kind: count for kind, count in counts.items() if count}

    def numbers(self, place: Place) -> list[tuple[str, int]]:
        """Of each segment its kind, and its number among those of its kind in the step.

        What is drawn for each by (seed, kind, step, number) depends neither on accumulation nor on
        the number of processes.
        """
        return [
            (kind, place.before * count + item)
            for kind, count in self.kinds().items()
            for item in range(count)
        ]
