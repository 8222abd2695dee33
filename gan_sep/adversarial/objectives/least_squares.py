"""Least squares: discriminators answer with a label, the generator with the other one.

Source: Mao et al., Least squares generative adversarial networks, 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.adversarial.objectives.base import Objective
from gan_sep.adversarial.scored import Scored


@dataclass(frozen=True)
class Config(Objective):
    """(D(Y) - real)^2 and (D(f) - fake)^2; for the generator (D(f) - real)^2."""

    def discriminator(self, real: Scored, fake: Scored) -> Tensor:
        reals = real.mean_of_logits(self.real, torch.square)  # (S,)
        return (reals + fake.mean_of_logits(self.fake, torch.square)) / 2

    def generator(self, real: Scored, fake: Scored) -> Tensor:
        return fake.mean_of_logits(self.real, torch.square)
