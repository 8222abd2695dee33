"""Signals at one level: then loudness is no evidence."""

from torch import Tensor


def level_normalised(signals: Tensor, floor_db: float) -> Tensor:
    """Signals (..., C, T) over their RMS, which is taken over channels and time.

    What lies below floor_db (RMS, dB full scale) is raised as if it lay there, so that silence
    stays silence. Gradients flow through the RMS too: along a signal itself they are zero.
    """
    power = signals.square().mean((-2, -1), keepdim=True)  # (..., 1, 1)
    return signals / power.clamp_min(10 ** (floor_db / 10)).sqrt()
