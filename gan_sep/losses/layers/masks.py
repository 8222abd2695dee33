"""Ratio masks of waveforms, in the bins where there is something to share out."""

from torch import Tensor

from gan_sep.losses.layers.magnitudes import Stft

FLOOR = 1e-4  # of magnitudes, -80 dB: softer bins of the mixture are left out


def masks(estimates: Tensor, sources: Tensor, stft: Stft) -> tuple[Tensor, Tensor, Tensor]:
    """(B, S, C, T) twice -> masks (B, S, C, F, N) of both, and where they count, (B, 1, C, F, N).

    The floor is added to both sums, so that equal signals have equal masks and gradients are
    bounded where all estimates are silent.
    """
    E, Y = stft.magnitudes(estimates, sources)  # (B, S, C, F, N)
    X = stft.magnitude(sources.sum(1, keepdim=True))  # (B, 1, C, F, N)
    M_e, M_y = (each / (each.sum(1, keepdim=True) + FLOOR) for each in (E, Y))
    return M_e, M_y, X > FLOOR


def mean_of(values: Tensor, counted: Tensor) -> Tensor:
    """The mean over the bins that count, 0 without any: (B, S, C, F, N), (B, 1, ...) -> (B, S)."""
    total = (values * counted).sum((2, 3, 4))  # (B, S)
    return total / counted.sum((2, 3, 4)).clamp_min(1)
