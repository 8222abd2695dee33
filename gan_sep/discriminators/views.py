"""What a judge hears of a signal's channels: all as they are, their mean, or mid and side."""

from typing import Literal, get_args

import torch
from torch import Tensor

from gan_sep.audio import AudioFormat

View = Literal["channels", "mono", "mid_side"]


def check_view(view: str) -> None:
    """Raises ValueError where there is no such view."""
    if view not in get_args(View):
        raise ValueError(f"view: expected one of {', '.join(get_args(View))}, got {view!r}")


def view_channels(view: View, audio: AudioFormat) -> int:
    """How many channels `viewed` leaves of a source in this format.

    Raises ValueError where mid and side are asked of mono.
    """
    if view == "mid_side" and audio.channels != 2:
        raise ValueError(
            f"view: mid_side needs stereo, got audio.channels {audio.channels}; "
            "take channels or mono"
        )
    return 1 if view == "mono" else audio.channels


def viewed(sources: Tensor, view: View) -> Tensor:
    """Sources (B, S, C, T) -> (B, S, C', T) with the C' of `view_channels`.

    mono is the mean of the channels; mid_side is mid (L + R) / 2, then side (L - R) / 2. What is
    within full scale stays there. Raises ValueError on another number of axes, or no sample.
    """
    if sources.ndim != 4 or sources.shape[-1] < 1:
        raise ValueError(
            "discriminator: expected sources (B, S, C, T) of at least one sample, "
            f"got shape {tuple(sources.shape)}"
        )
    if view == "channels":
        return sources
    if view == "mono":
        return sources.mean(2, keepdim=True)  # (B, S, 1, T)
    left, right = sources.unbind(2)  # (B, S, T) each
    return torch.stack([left + right, left - right], 2) / 2  # (B, S, 2, T)
