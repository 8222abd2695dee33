"""Least-squares adversarial losses with smoothed labels, per source.

Material is paired (mixtures X, their stems Y) or unpaired (mixtures X^, stems Y^ of other tracks).
For judge k:

    L_D,k   = 1/4 [ (D(Y^) - real)^2 + (D(Y) - real)^2 + (D(f(X^)) - fake)^2 + (D(f(X)) - fake)^2 ]
    L_sep,k =       (D(f(X)) - real)^2 + (D(f(X^)) - real)^2

with labels real = 0.9 and fake = 0.1. L_sep of the design is the mean of L_sep,k over the sources.
Where a judge gives several logits for a segment, (D - label)^2 is the mean over the logits.

Real and fake material weigh one half each in L_D,k, and each half is the mean of its terms: 1/4
each with unpaired material, 1/2 each without. L_sep,k is a sum of its terms, so that without
unpaired material one term of weight 1 remains.

Source: Mao et al., Least squares generative adversarial networks, 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gan_sep.discriminators.base import Judgement


@dataclass(frozen=True)
class Labels:
    """The targets of the least squares: real above fake, smoothed away from 1 and 0.

    Raises ValueError where real does not exceed fake.
    """

    real: float = 0.9
    fake: float = 0.1

    def __post_init__(self) -> None:
        if not self.real > self.fake:
            raise ValueError(
                f"labels: expected real above fake, got real {self.real} and fake {self.fake}"
            )


class Judged(NamedTuple):
    """A panel's judgement of one material, and which segments of it count.

    active: (B, S), True where the segment counts; a silent segment tells nothing about its source.
    divisor: (S,), what the sum over active segments is divided by; by default their number. Where
    several processes share a batch and average their gradients, pass the number of active segments
    in all processes over the number of processes: the result is then that of one process.
    """

    judgement: Judgement
    active: Tensor
    divisor: Tensor | None = None


def discriminator_loss(real: Sequence[Judged], fake: Sequence[Judged], labels: Labels) -> Tensor:
    """L_D,k for every judge: (S,), at least 0; zero where every logit of k meets its label.

    real: paired stems, then unpaired if any; fake: estimates of paired mixtures, then unpaired if
    any. A source with no active segment adds exactly zero to value and gradient.
    Raises ValueError where real or fake is empty, or a mask does not fit its judgement.
    """
    if not real or not fake:
        raise ValueError(
            "discriminator loss: expected at least one real and one fake judgement, "
            f"got {len(real)} and {len(fake)}"
        )
    reals = torch.stack([_squared_distance(judged, labels.real) for judged in real]).mean(0)  # (S,)
    fakes = torch.stack([_squared_distance(judged, labels.fake) for judged in fake]).mean(0)  # (S,)
    return (reals + fakes) / 2


def separation_loss(fake: Sequence[Judged], labels: Labels) -> Tensor:
    """L_sep,k for every source: (S,), at least 0; zero where every estimate is taken for real.

    fake: estimates of paired mixtures, then unpaired if any. A source with no active segment adds
    exactly zero to value and gradient.
    Raises ValueError where fake is empty, or a mask does not fit its judgement.
    """
    if not fake:
        raise ValueError("separation loss: expected at least one judgement of estimates, got none")
    return torch.stack([_squared_distance(judged, labels.real) for judged in fake]).sum(0)  # (S,)


def _squared_distance(judged: Judged, label: float) -> Tensor:
    """Mean over the active segments of (logit - label)^2: (S,)."""
    logits, active = judged.judgement.logits, judged.active
    if active.shape != logits.shape[:2] or active.dtype != torch.bool:
        raise ValueError(
            f"adversarial loss: expected a bool mask (B, S) = {tuple(logits.shape[:2])}, "
            f"got {active.dtype} {tuple(active.shape)}"
        )
    # Filled before the square, not multiplied after: zero times an overflow would be NaN.
    distances = (logits.float() - label).flatten(2).masked_fill(~active[:, :, None], 0.0)
    total = distances.square().mean(-1).sum(0)  # (S,)
    divisor = active.sum(0) if judged.divisor is None else judged.divisor
    # A total without active segments is zero whatever it is divided by.
    return total / torch.where(divisor > 0, divisor, 1)
