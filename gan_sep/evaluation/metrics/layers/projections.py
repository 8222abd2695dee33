"""The projections of BSSEval: of an estimate on its own source's image, and on all sources' images.

Both are least squares over the whole track on images delayed by 0 to 511 samples, see
`gan_sep.fast.filters`, which estimates the rounding error of the outcome. Where sources have an
empty band in common, as after lossy coding, or are copies of each other, the equations are nearly
singular and part of the projection is rounding error, in every implementation: museval's own SIR
moves by tenths of a dB when the sources are listed in another order. There, on the CPU,
`museval_rounding` repeats museval's operations to the bit. That holds beside the museval, numpy and
scipy it runs with and for one number of threads: on another machine museval differs from itself
there.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_sep.evaluation.metrics.layers.museval_rounding import museval_filters
from gan_sep.fast.filters import filters


@dataclass(frozen=True)
class Projections:
    """Spectra of the filters: own (S, C, C, F), every (S*C, S*C, F), from image to projection."""

    own: Tensor
    every: Tensor

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra (S, C, N, F) of the images' frames -> the projections on own and all images."""
        own = torch.stack([_filtered(*pair) for pair in zip(images, self.own, strict=True)])
        every = _filtered(images.flatten(0, 1), self.every)  # (S*C, N, F)
        return own, every.unflatten(0, images.shape[:2])  # each (S, C, N, F)


def projections(references: Tensor, estimates: Tensor, length: int) -> Projections:
    """The projections of a track's estimates, as filters for transforms of `length` samples.

    references, estimates: (S, C, T), same source order, none of them silent, any device.
    """
    try:
        taps = filters(references, estimates)
    except np.linalg.LinAlgError:
        taps = museval_filters(references, estimates)
    return Projections(*(torch.fft.rfft(each.to(references.device), length) for each in taps))


def _filtered(images: Tensor, filters: Tensor) -> Tensor:
    """Spectra of images (A, N, F), filtered and added: filters (A, E, F) -> (E, N, F)."""
    total = images.new_zeros((filters.shape[1], *images.shape[1:]))
    for image, taps in zip(images, filters, strict=True):
        total.addcmul_(image, taps[:, None])
    return total
