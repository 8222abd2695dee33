"""Penalties that keep discriminators from knowing their training material by memory, per source.

Both are added to the discriminators' own loss L_D,k; the generator never meets them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.adversarial.objectives import Scored, excess, mean_over_active, over_divisor, shortfall


@dataclass(frozen=True)
class GradientPenalty:
    """R1 and R2: r1 / 2 |grad D|^2 at real, r2 / 2 |grad D|^2 at estimated signals.

    Lazily: only in every `every`-th step, and then `every` times as strong. How large a weight acts
    depends on the signals, whose number of samples and level the gradient is taken by. Raises
    ValueError where a weight is negative or both are 0, or `every` is below 1.
    """

    r1: float = 0.0
    r2: float = 0.0
    every: int = 16

    def __post_init__(self) -> None:
        for name in ("r1", "r2"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected a weight >= 0, got {getattr(self, name)}")
        if self.r1 == self.r2 == 0:
            raise ValueError("r1: expected r1 or r2 above 0; gradient_penalty: null asks for none")
        if self.every < 1:
            raise ValueError(f"every: expected >= 1, got {self.every}")

    def weights(self, step: int) -> tuple[float, float]:
        """What the penalties at real and at estimated signals weigh in this step."""
        if step % self.every:
            return 0.0, 0.0
        return self.every * self.r1 / 2, self.every * self.r2 / 2


@dataclass(frozen=True)
class LeCam:
    """The weight of LeCam's regularisation, and the decay of its running means, for each step."""

    weight: float = 0.3
    decay: float = 0.99

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"weight: expected > 0, got {self.weight}; lecam: null asks for none")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay: expected [0, 1), got {self.decay}")


def gradient_penalty(materials: Sequence[Scored], signals: Sequence[Tensor]) -> Tensor:
    """Mean over active segments of |d score / d signal|^2, over all its samples: (S,), >= 0.

    signals: (B, S, C, T) of each material, as the discriminator received them, part of the output's
    graph. Each material weighs the same. The value can be differentiated by the discriminators'
    weights. Raises ValueError where materials and signals do not pair. Sources: Mescheder, Geiger
    and Nowozin, Which training methods for GANs do actually converge?, 2018; lazily: Karras et al.,
    Analyzing and improving the image quality of StyleGAN, 2020.
    """
    lengths = [[len(each.active) for each in materials], [len(each) for each in signals]]
    if not materials or lengths[0] != lengths[1]:
        raise ValueError(
            "gradient penalty: expected one or more outputs and the signals of each, got "
            f"{lengths[0]} and {lengths[1]} segments"
        )
    # A score depends on its own segment and source alone: the gradient of the sum is all of theirs.
    total = torch.stack([scored.output.scores().float().sum() for scored in materials]).sum()
    gradients = torch.autograd.grad(total, list(signals), create_graph=True)
    terms = []
    for scored, gradient in zip(materials, gradients, strict=True):
        given = gradient.masked_fill(~scored.active[:, :, None, None], 0.0)  # (B, S, C, T)
        terms.append(over_divisor(scored, given.square().sum((2, 3))))  # (S,)
    return torch.stack(terms).mean(0)


def lecam_penalty(
    real: Sequence[Scored], fake: Sequence[Scored], real_mean: Tensor, fake_mean: Tensor
) -> Tensor:
    """relu(D(real) - fake_mean)^2 + relu(real_mean - D(fake))^2, each a mean: (S,), >= 0.

    It holds the discriminator's answers to real signals near its usual answer to estimates, and the
    reverse. real_mean, fake_mean: (S,), running means of what the discriminators said of each,
    constants. Source: Tseng et al., Regularizing generative adversarial networks under limited
    data, 2021.
    """
    above = [mean_over_active(j, fake_mean, lambda d: excess(d).square()) for j in real]
    below = [mean_over_active(j, real_mean, lambda d: shortfall(d).square()) for j in fake]
    return torch.stack(above).mean(0) + torch.stack(below).mean(0)
