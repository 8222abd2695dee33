"""What a discriminator says of segments, and how much each of them counts."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_sep.discriminators.base import DiscriminatorOutput


class Scored(NamedTuple):
    """A discriminator's output of N segments.

    weights: (N, S), what each counts in a mean, 0 where it is silent: silence tells nothing about
    its source. Paired and unpaired segments weigh the same in all, and each kind is divided by the
    number of its segments, silent ones included: so neither accumulation nor the number of
    processes changes what a segment weighs.
    signals: (N, S, C, T), as the discriminator received them.
    """

    output: DiscriminatorOutput
    weights: Tensor
    signals: Tensor

    @property
    def active(self) -> Tensor:
        """Which segments count: bool (N, S)."""
        return self.weights > 0

    def only(self, sources: Tensor) -> "Scored":
        """The same where a source counts, bool (S,); of the others nothing does."""
        return self._replace(weights=self.weights * sources)

    def mean(self, values: Tensor) -> Tensor:
        """Values (N, S), finite, -> their weighted sum (S,)."""
        return (self.weights * values).sum(0)

    def mean_of_logits(
        self, target: Tensor | float, distance: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Weighted sum of distance(logit - target), itself the mean over a segment's logits: (S,).

        target: one for all sources, or (S,). distance: elementwise, 0 at 0. A source of which no
        segment counts has exactly zero as value and gradient.
        Raises ValueError where the weights do not fit the output.
        """
        logits = self.output.logits
        if self.weights.shape != logits.shape[:2]:
            raise ValueError(
                f"adversarial loss: expected weights (N, S) = {tuple(logits.shape[:2])}, got "
                f"{tuple(self.weights.shape)}"
            )
        if isinstance(target, Tensor):
            target = target[:, None]  # (S, 1)
        differences = logits.float().flatten(2) - target  # (N, S, n)
        # Filled before the distance, not multiplied after: zero times an overflow would be NaN.
        differences = differences.masked_fill(~self.active[:, :, None], 0.0)
        return self.mean(distance(differences).mean(-1))

    def mean_score(self) -> Tensor:
        """The weighted mean of logits, (S,); 0 where no segment counts."""
        total = self.weights.sum(0)  # (S,)
        return self.mean_of_logits(0.0, torch.positive) / torch.where(total > 0, total, 1)


def shortfall(difference: Tensor) -> Tensor:
    """How far a value lies below its target: 0 at and above it."""
    return (-difference).relu()


def excess(difference: Tensor) -> Tensor:
    """How far a value lies above its target: 0 at and below it."""
    return difference.relu()
