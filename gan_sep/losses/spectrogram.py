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

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

import torch
from torch import Tensor

from gan_sep.losses.base import Loss
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
        _check_weight(self.discriminative_weight)

    @classmethod
    def tiny(cls) -> Self:
        return cls(stft=TINY, discriminative_weight=0.05)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        distance = magnitude_mse if self.distance == "mse" else magnitude_kl
        magnitudes = self.stft.magnitudes(estimates, sources)  # (B, S, C, F, N) each
        return distance(*magnitudes, self.discriminative_weight)


def magnitude_mse(estimates: Tensor, sources: Tensor, discriminative_weight: float = 0.0) -> Tensor:
    """Mean squared error of magnitudes.

    estimates, sources: (B, S, C, F, N), at least 0, same source order -> (B, S), at least 0
    without the discriminative term. Raises ValueError where shapes differ or the weight is not in
    [0, 1).
    """
    _check_shapes(estimates, sources)
    return _discriminative(_squared_error, estimates, sources, discriminative_weight)


def magnitude_kl(estimates: Tensor, sources: Tensor, discriminative_weight: float = 0.0) -> Tensor:
    """Generalised Kullback-Leibler divergence y log(y / e) - y + e of estimates e from sources y.

    estimates, sources: (B, S, C, F, N), at least 0, same source order -> (B, S), at least 0
    without the discriminative term. A floor of 1e-5 is added to both: it is finite on silence.
    Raises ValueError where shapes differ or the weight is not in [0, 1).
    """
    _check_shapes(estimates, sources)
    return _discriminative(_divergence, estimates + _FLOOR, sources + _FLOOR, discriminative_weight)


def _discriminative(
    distance: Callable[[Tensor, Tensor], Tensor],
    estimates: Tensor,
    sources: Tensor,
    weight: float,
) -> Tensor:
    """The distance (B, S) to the own source less `weight` times the mean distance to the others."""
    _check_weight(weight)
    own = distance(estimates, sources)  # (B, S)
    S = sources.shape[1]
    if weight == 0 or S == 1:
        return own
    # A roll pairs every estimate with another source; S - 1 rolls meet all of them.
    others = [distance(estimates, sources.roll(step, 1)) for step in range(1, S)]
    return own - weight * torch.stack(others).mean(0)


def _squared_error(estimates: Tensor, sources: Tensor) -> Tensor:
    return (estimates - sources).square().mean((2, 3, 4))  # (B, S)


def _divergence(estimates: Tensor, sources: Tensor) -> Tensor:
    terms = sources * (sources.log() - estimates.log()) - sources + estimates  # (B, S, C, F, N)
    return terms.mean((2, 3, 4))  # (B, S)


def _check_weight(weight: float) -> None:
    if not 0 <= weight < 1:
        raise ValueError(
            "discriminative_weight: expected [0, 1), since from 1 on no estimate is best, got "
            f"{weight}; useful are 0.01 to 0.1"
        )


def _check_shapes(estimates: Tensor, sources: Tensor) -> None:
    if estimates.shape != sources.shape or estimates.ndim != 5:
        raise ValueError(
            "spectrogram loss: expected estimates and sources of one shape (B, S, C, F, N), "
            f"got {tuple(estimates.shape)} and {tuple(sources.shape)}"
        )
