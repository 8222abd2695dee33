"""Which segments sound: silent ones tell a discriminator nothing about their source."""

import torch
from torch import Tensor


def audible(signals: Tensor, threshold_db: float | None) -> Tensor:
    """Where the RMS level lies above the threshold in dB full scale: (B, S, C, T) -> bool (B, S).

    A threshold of None takes every signal for audible.
    """
    if threshold_db is None:
        return torch.ones(signals.shape[:2], dtype=torch.bool, device=signals.device)
    power = signals.detach().square().mean((2, 3))  # (B, S)
    return power > 10 ** (threshold_db / 10)
