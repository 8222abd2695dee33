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

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor

from gan_sep.losses.base import ReconstructionLoss
from gan_sep.spectra import stft

# Added to both magnitudes in the divergence: about the rounding noise of 16-bit samples.
_FLOOR = 1e-5


@dataclass(frozen=True)
class Config:
    """distance: mse, the squared error, or kl, the divergence; n_fft, hop: in samples.

    discriminative_weight: of the discriminative term, 0 for none.
    """

    distance: Literal["mse", "kl"] = "mse"
    n_fft: int = 1024
    hop: int = 512
    discriminative_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.distance not in ("mse", "kl"):
            raise ValueError(f"distance: expected mse or kl, got {self.distance!r}")
        if self.n_fft < 4 or self.n_fft % 2:
            raise ValueError(f"n_fft: expected an even number of at least 4, got {self.n_fft}")
        if not 1 <= self.hop <= self.n_fft // 2:
            raise ValueError(f"hop: expected 1 to n_fft / 2 = {self.n_fft // 2}, got {self.hop}")
        _check_weight(self.discriminative_weight)

    def build(self) -> ReconstructionLoss:
        """The loss of these settings."""
        return SpectrogramLoss(self)

    @classmethod
    def tiny(cls) -> Self:
        """Small enough for a test, with every term."""
        return cls(n_fft=64, hop=32, discriminative_weight=0.05)


class SpectrogramLoss:
    """Waveforms, estimates and sources (B, S, C, T) -> (S,): their spectrograms' distance.

    Magnitudes are scaled so that the mean square of a signal's is that of its samples, whatever
    n_fft: with smaller ones the gradients of a squared error would sink below Adam's epsilon.
    Published losses compare the masked spectrum itself. The spectrum of a waveform made from it,
    which is compared here, is not quite the same: overlapping frames have come to agree.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.distance = magnitude_mse if config.distance == "mse" else magnitude_kl

    def __call__(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """estimates, sources: (B, S, C, T), same source order -> (S,).

        Raises ValueError where the shapes differ.
        """
        _check_shapes(estimates, sources, "(B, S, C, T)")
        # In full precision whatever the rest runs in: bfloat16 has too few bits for small errors.
        with torch.autocast(estimates.device.type, enabled=False):
            magnitudes = self._magnitude(estimates), self._magnitude(sources)  # (B, S, C, F, N)
            return self.distance(*magnitudes, self.config.discriminative_weight)

    def _magnitude(self, signal: Tensor) -> Tensor:
        """(..., T) -> (..., F, N), at least float32."""
        n_fft = self.config.n_fft
        window_energy = 3 / 8 * n_fft  # of a Hann window
        return stft(signal, n_fft, self.config.hop).abs() / math.sqrt(window_energy)


def magnitude_mse(estimates: Tensor, sources: Tensor, discriminative_weight: float = 0.0) -> Tensor:
    """Mean squared error of magnitudes.

    estimates, sources: (B, S, C, F, N), at least 0, same source order -> (S,), at least 0 without
    the discriminative term. Raises ValueError where shapes differ or the weight is not in [0, 1).
    """
    _check_shapes(estimates, sources, "(B, S, C, F, N)")
    return _discriminative(_squared_error, estimates, sources, discriminative_weight)


def magnitude_kl(estimates: Tensor, sources: Tensor, discriminative_weight: float = 0.0) -> Tensor:
    """Generalised Kullback-Leibler divergence y log(y / e) - y + e of estimates e from sources y.

    estimates, sources: (B, S, C, F, N), at least 0, same source order -> (S,), at least 0 without
    the discriminative term. A floor of 1e-5 is added to both: the loss is finite on silence.
    Raises ValueError where shapes differ or the weight is not in [0, 1).
    """
    _check_shapes(estimates, sources, "(B, S, C, F, N)")
    return _discriminative(_divergence, estimates + _FLOOR, sources + _FLOOR, discriminative_weight)


def _discriminative(
    distance: Callable[[Tensor, Tensor], Tensor],
    estimates: Tensor,
    sources: Tensor,
    weight: float,
) -> Tensor:
    """The distance (S,) to the own source less `weight` times the mean distance to the others."""
    _check_weight(weight)
    own = distance(estimates, sources)  # (S,)
    S = sources.shape[1]
    if weight == 0 or S == 1:
        return own
    # A roll pairs every estimate with another source; S - 1 rolls meet all of them.
    others = [distance(estimates, sources.roll(step, 1)) for step in range(1, S)]
    return own - weight * torch.stack(others).mean(0)


def _squared_error(estimates: Tensor, sources: Tensor) -> Tensor:
    return (estimates - sources).square().mean((0, 2, 3, 4))  # (S,)


def _divergence(estimates: Tensor, sources: Tensor) -> Tensor:
    terms = sources * (sources.log() - estimates.log()) - sources + estimates  # (B, S, C, F, N)
    return terms.mean((0, 2, 3, 4))  # (S,)


def _check_weight(weight: float) -> None:
    if not 0 <= weight < 1:
        raise ValueError(
            "discriminative_weight: expected [0, 1), since from 1 on no estimate is best, got "
            f"{weight}; useful are 0.01 to 0.1"
        )


def _check_shapes(estimates: Tensor, sources: Tensor, axes: str) -> None:
    if estimates.shape != sources.shape or estimates.ndim != len(axes.split(",")):
        raise ValueError(
            f"spectrogram loss: expected estimates and sources of one shape {axes}, "
            f"got {tuple(estimates.shape)} and {tuple(sources.shape)}"
        )
