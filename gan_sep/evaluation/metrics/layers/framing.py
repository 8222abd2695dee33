"""The windows of BSSEval and its silence rule, shared by every frame-wise metric."""

import torch
from torch import Tensor


def check_pair(references: Tensor, estimates: Tensor) -> None:
    """Raises ValueError unless both are (S, C, T) of one shape with at least one sample."""
    if references.shape != estimates.shape:
        raise ValueError(
            f"references and estimates differ in shape: {tuple(references.shape)} and "
            f"{tuple(estimates.shape)}; cut or pad the estimates to the references first"
        )
    if references.ndim != 3 or references.numel() == 0:
        raise ValueError(f"expected non-empty (S, C, T) signals, got {tuple(references.shape)}")


def check_finite(**signals: Tensor) -> None:
    """Raises ValueError, with the signals' name, where one of (S, C, T) is NaN or infinite."""
    for name, values in signals.items():
        if not torch.isfinite(torch.stack(values.aminmax())).all():  # quicker than value by value
            broken = (~torch.isfinite(values)).nonzero()  # (count, 3)
            source, channel, sample = broken[0].tolist()
            raise ValueError(
                f"{name} hold NaN or inf at {len(broken)} places, the first in source {source}, "
                f"channel {channel}, sample {sample}; no ratio can be told"
            )


def frames(signals: Tensor, window: int) -> Tensor:
    """Cuts (..., T) into whole windows (..., N, window) without overlap.

    The short rest at the end is dropped; a signal no longer than one window is one frame of its own
    length. These are museval's windows for window = hop.
    """
    if signals.shape[-1] <= window:
        return signals.unsqueeze(-2)  # (..., 1, T)
    count = signals.shape[-1] // window
    return signals[..., : count * window].unflatten(-1, (count, window))  # (..., N, window)


def silent_frames(signals: Tensor, window: int) -> Tensor:
    """Frames in which at least one of the signals (S, C, T) is silent -> bool (N,).

    Silent means, as in museval, that the channels sum to exactly zero at every sample, so a signal
    whose two channels cancel counts as silent too.
    """
    sounding = frames(signals.sum(1), window).any(-1)  # (S, N, window) -> (S, N)
    return ~sounding.all(0)  # (N,)
