"""Relativistic least squares: discriminators tell how much more real a signal is than others.

The published margin m = real - fake is 1. A relativistic discriminator has no threshold, only
differences. Its means are those of one micro-batch of one process: accumulated micro-batches and
several processes are close to one large batch, not equal.

Source: Jolicoeur-Martineau, The relativistic discriminator: a key element missing from standard
GAN, 2018 (RaLSGAN).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.adversarial.objectives.base import Objective
from gan_sep.adversarial.scored import Scored


@dataclass(frozen=True)
class Config(Objective):
    """(D(Y) - E D(f) - m)^2 and (D(f) - E D(Y) + m)^2, with means over all that counts.

    For the generator the same with -m, since it can win by either. A source of which nothing counts
    among the real signals, or among the estimates, is compared with nothing: its terms are zero.
    """

    @property
    def has_threshold(self) -> bool:
        return False

    def discriminator(self, real: Scored, fake: Scored) -> Tensor:
        return _missed(real, fake, self.real - self.fake)

    def generator(self, real: Scored, fake: Scored) -> Tensor:
        return _missed(real, fake, self.fake - self.real)


def _missed(real: Scored, fake: Scored, margin: float) -> Tensor:
    """Half the squares by which real signals miss `margin` above estimates, and the reverse."""
    comparable = real.active.any(0) & fake.active.any(0)  # (S,)
    real, fake = real.only(comparable), fake.only(comparable)
    above = real.mean_of_logits(fake.mean_score() + margin, torch.square)  # (S,)
    below = fake.mean_of_logits(real.mean_score() - margin, torch.square)  # (S,)
    return (above + below) / 2
