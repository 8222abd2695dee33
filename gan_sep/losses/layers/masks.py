"""Ratio masks of waveforms, in the bins where there is something to share out."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.fast.spectra import absolute
from gan_sep.losses.layers.magnitudes import MagnitudeLoss, Stft

FLOOR = 1e-4  # of magnitudes, -80 dB: softer bins of the mixture are left out


@dataclass(frozen=True)
class MaskLoss(MagnitudeLoss):
    """Base of the losses of ratio masks, over bins of the mixture above -80 dB.

    M = Y_k / sum_j Y_j of the sources and M~ = E_k / sum_j E_j of the estimates; 1e-4, the floor
    of -80 dB, is added to both sums.
    """

    least_sources: ClassVar[int] = 2

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        M_e, M_y, counted = masks(estimates, sources, self.stft)
        total = (self.error(M_e - M_y) * counted).sum((2, 3, 4))  # (B, S)
        return total / counted.sum((2, 3, 4)).clamp_min(1)  # 0 without a bin that counts

    def error(self, difference: Tensor) -> Tensor:
        """Of every bin, from the difference of the masks; both (B, S, C, F, N)."""
        raise NotImplementedError


def masks(estimates: Tensor, sources: Tensor, stft: Stft) -> tuple[Tensor, Tensor, Tensor]:
    """(B, S, C, T) twice -> masks (B, S, C, F, N) of both, and where they count, (B, 1, C, F, N).

    The floor is added to both sums, so that equal signals have equal masks and gradients are
    bounded where all estimates are silent.
    """
    E, spectra = stft.magnitude(estimates), stft.spectrum(sources)  # (B, S, C, F, N)
    Y, X = absolute(spectra), absolute(spectra.sum(1, keepdim=True))  # X (B, 1, C, F, N)
    M_e, M_y = (each / (each.sum(1, keepdim=True) + FLOOR) for each in (E, Y))
    return M_e, M_y, X > FLOOR
