"""The contract of reconstruction losses: how far estimates are from the true sources."""

from collections.abc import Callable
from typing import Protocol, Self

from torch import Tensor

# Estimates and sources, (B, S, C, T) each and in the same order of sources -> (S,).
ReconstructionLoss = Callable[[Tensor, Tensor], Tensor]


class ReconstructionConfig(Protocol):
    """What a loss's `Config` dataclass offers; its fields are the YAML keys under `reconstruction`.

    A loss is a mean over batch, channels and samples or bins, so that its scale depends on neither
    batch size nor length, and the passes of one step average to the whole batch.
    """

    def build(self) -> ReconstructionLoss:
        """The loss: no weights, no random draws; differentiable, and finite on silence."""
        ...

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test."""
        ...
