"""The contract of objectives: what discriminators learn from, and what a generator gets of it.

Material is paired (mixtures X, their stems Y) or unpaired (mixtures X^, stems Y^ of other tracks).
For discriminator k, by least squares with smoothed labels:

    L_D,k   = 1/4 [ (D(Y^) - real)^2 + (D(Y) - real)^2 + (D(f(X^)) - fake)^2 + (D(f(X)) - fake)^2 ]
    L_sep,k =       (D(f(X)) - real)^2 + (D(f(X^)) - real)^2

with labels real = 0.9 and fake = 0.1. L_sep is the mean of L_sep,k over the sources. Where a
discriminator gives several logits for a segment, (D - label)^2 is the mean over the logits.

Real and estimated material weigh one half each in L_D,k, and each half is the mean of its terms:
1/4 each with unpaired material, 1/2 each without. An objective gives the mean over paired and
unpaired material for the generator too; L_sep,k, a sum, is that mean times the number of kinds.
"""

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from gan_sep.adversarial.scored import Scored


@dataclass(frozen=True)
class Objective:
    """Base of every objective's `Config`, which is the objective itself.

    Raises ValueError where real does not exceed fake.
    """

    real: float = 0.9  # what discriminators shall say of real signals: smoothed away from 1
    fake: float = 0.1  # and of estimates: smoothed away from 0

    def __post_init__(self) -> None:
        if not self.real > self.fake:
            raise ValueError(f"real: expected above fake, got real {self.real}, fake {self.fake}")

    @property
    def has_threshold(self) -> bool:
        """Whether 0.5 lies between what is taken for real and for estimated."""
        return True

    def discriminator(self, real: Scored, fake: Scored) -> Tensor:
        """L_D,k of every discriminator from its output of real signals and of estimates: (S,).

        A source of which no segment counts adds exactly zero to value and gradient.
        """
        raise NotImplementedError

    def generator(self, real: Scored, fake: Scored) -> Tensor:
        """What the generator learns from, (S,), the mean over kinds of material."""
        raise NotImplementedError

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test."""
        return cls()
