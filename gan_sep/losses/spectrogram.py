"""Reconstruction losses on magnitude spectrograms, one value per source.

Their discriminative term pushes the estimate of a source away from the other sources,

    loss_k = d(estimate_k, source_k) - weight * mean over j != k of d(estimate_k, source_j),

for less interference, and has nothing to do with discriminators. It costs artefacts: with both
distances the best estimate in a bin is not y_k but, y being the mean of the other sources,

    max(0, (y_k - weight * y) / (1 - weight)),

too much of the louder source and nothing of one that is softer than weight * y. Mixtures shared out
by masks come close to all or nothing long before a weight of 1, where nothing is best any more.
Useful are 0.01 to 0.1, published is 0.05.

Source: Huang, Kim, Hasegawa-Johnson, Smaragdis, "Joint Optimization of Masks and Deep Recurrent
Neural Networks for Monaural Source Separation", 2015: there for two sources, with a sum over bins
where here is a mean, and with half the squared error.
"""

from dataclasses import dataclass, field
from typing import Literal, Self

import torch
from torch import Tensor

from gan_sep.losses.base import Loss
from gan_sep.losses.layers.levels import mean_square
from gan_sep.losses.layers.magnitudes import TINY, Stft

# Added to both magnitudes in the divergence: about the rounding noise of 16-bit samples.
_FLOOR = 1e-5


@dataclass(frozen=True)
class Config(Loss):
    """Published losses compare the masked spectrum itself.

    The spectrum of a waveform made from it, which is compared here, is not quite the same:
    overlapping frames have come to agree.
    """

    distance: Literal["mse", "kl"] = "mse"  # squared error, or divergence
    stft: Stft = field(default_factory=Stft)  # window and hop of the magnitudes
    discriminative_weight: float = 0.0  # of the discriminative term, 0 for none

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distance not in ("mse", "kl"):
            raise ValueError(f"distance: expected mse or kl, got {self.distance!r}")
        if not 0 <= self.discriminative_weight < 1:
            raise ValueError(
                "discriminative_weight: expected [0, 1), since from 1 on no estimate is best, got "
                f"{self.discriminative_weight}; useful are 0.01 to 0.1"
            )

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY, discriminative_weight=0.05)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return self.on_magnitudes(*self.stft.magnitudes(estimates, sources))

    def on_magnitudes(self, E: Tensor, Y: Tensor) -> Tensor:
        """(B, S, C, F, N) twice, same source order -> (B, S), at least 0 without the term above."""
        distance = mean_squares if self.distance == "mse" else divergence
        own, S = distance(E, Y), Y.shape[1]
        if self.discriminative_weight == 0 or S == 1:
            return own
        # A roll pairs every estimate with another source; S - 1 rolls meet all of them.
        others = [distance(E, Y.roll(step, 1)) for step in range(1, S)]
        return own - self.discriminative_weight * torch.stack(others).mean(0)


def mean_squares(E: Tensor, Y: Tensor) -> Tensor:
    """(B, S, ...) twice -> (B, S)."""
    return mean_square(E - Y)


def divergence(E: Tensor, Y: Tensor) -> Tensor:
    """Generalised Kullback-Leibler divergence, mean y log(y / e) - y + e, as `mean_squares`.

    A floor of 1e-5 is added to both: it is finite on silence.
    """
    E, Y = E + _FLOOR, Y + _FLOOR
    return (Y * (Y.log() - E.log()) - Y + E).mean((2, 3, 4))
