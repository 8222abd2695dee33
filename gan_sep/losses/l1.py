"""The mean absolute error of samples: what Demucs is trained with.

Source: Défossez et al., Music source separation in the waveform domain, 2019.
"""

from dataclasses import dataclass
from typing import Self

import torch.nn.functional as F
from torch import Tensor

from gan_sep.losses.base import ReconstructionLoss


@dataclass(frozen=True)
class Config:
    """There is nothing to set."""

    def build(self) -> ReconstructionLoss:
        """The function `l1`."""
        return l1

    @classmethod
    def tiny(cls) -> Self:
        """The same; it has no size."""
        return cls()


def l1(estimates: Tensor, sources: Tensor) -> Tensor:
    """Mean absolute error of samples.

    estimates, sources: (B, S, C, T), same source order -> (S,), at least 0.
    Raises ValueError where the shapes differ.
    """
    if estimates.shape != sources.shape or estimates.ndim != 4:
        raise ValueError(
            "reconstruction loss: expected estimates and sources of one shape (B, S, C, T), "
            f"got {tuple(estimates.shape)} and {tuple(sources.shape)}"
        )
    return F.l1_loss(estimates, sources, reduction="none").mean((0, 2, 3))  # (S,)
