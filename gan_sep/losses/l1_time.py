"""The mean absolute error of samples: what Demucs is trained with.

Source: Défossez et al., Music source separation in the waveform domain, 2019.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from gan_sep.losses.base import Loss


@dataclass(frozen=True)
class Config(Loss):
    """mean |e - y| over samples and channels."""

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return F.l1_loss(estimates, sources, reduction="none").mean((2, 3))  # (B, S)
