"""The squared error of magnitudes, less a share of that to the other sources.

The sum over the others is subtracted once; the source prints its minus twice. It is bounded below
while beta (S - 1) < 1: the best estimate of a bin is (Y_k - beta sum Y_j) / (1 - beta (S - 1)), or
0. The loss `spectrogram` takes the mean over the others instead.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from gan_sep.losses.layers.levels import mean_square
from gan_sep.losses.layers.magnitudes import MagnitudeLoss
from gan_sep.ranges import below_one


@dataclass(frozen=True)
class Config(MagnitudeLoss):
    """mean (E_k - Y_k)^2 - beta * sum over j != k of mean (E_k - Y_j)^2."""

    least_sources: ClassVar[int] = 2
    beta: float = 0.05  # how much the distance to each other source counts

    def __post_init__(self) -> None:
        super().__post_init__()
        below_one(self, "beta")

    def check(self, num_sources: int) -> None:
        super().check(num_sources)
        if self.beta * (num_sources - 1) >= 1:
            raise ValueError(
                f"beta: expected less than 1 / {num_sources - 1} with {num_sources} sources, since "
                f"from there on no estimate is best, got {self.beta}"
            )

    def distance(self, E: Tensor, Y: Tensor) -> Tensor:
        # Squared distances to the others are those to their mean and those of them to it.
        others = Y.shape[1] - 1
        mean = (Y.sum(1, keepdim=True) - Y) / others  # (B, S, C, F, N)
        energy = mean_square(Y)  # (B, S)
        spread = energy.sum(1, keepdim=True) - energy - others * mean_square(mean)
        return mean_square(E - Y) - self.beta * (others * mean_square(E - mean) + spread)
