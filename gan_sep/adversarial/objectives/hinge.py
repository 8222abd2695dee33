"""Hinge: discriminators only have to be on the right side of their labels.

The published labels are 1 and -1: a discriminator's last layer scales and shifts what it says, and
with the labels of least squares 0.5 stays the threshold.

Source: Lim and Ye, Geometric GAN, 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.adversarial.objectives.base import Objective
from gan_sep.adversarial.scored import Scored, excess, shortfall


@dataclass(frozen=True)
class Config(Objective):
    """relu(real - D(Y)) and relu(D(f) - fake); for the generator real - D(f)."""

    def discriminator(self, real: Scored, fake: Scored) -> Tensor:
        reals = real.mean_of_logits(self.real, shortfall)  # (S,)
        return (reals + fake.mean_of_logits(self.fake, excess)) / 2

    def generator(self, real: Scored, fake: Scored) -> Tensor:
        return fake.mean_of_logits(self.real, torch.neg)
