"""The reconstruction loss on waveforms, one value per source."""

import torch.nn.functional as F
from torch import Tensor


def l1(estimates: Tensor, sources: Tensor) -> Tensor:
    """Mean absolute error of samples: what Demucs is trained with.

    estimates, sources: (B, S, C, T), same source order -> (S,), at least 0.
    Raises ValueError where the shapes differ. Source: Défossez et al., Music source separation in
    the waveform domain, 2019.
    """
    if estimates.shape != sources.shape or estimates.ndim != 4:
        raise ValueError(
            "reconstruction loss: expected estimates and sources of one shape (B, S, C, T), "
            f"got {tuple(estimates.shape)} and {tuple(sources.shape)}"
        )
    return F.l1_loss(estimates, sources, reduction="none").mean((0, 2, 3))  # (S,)
