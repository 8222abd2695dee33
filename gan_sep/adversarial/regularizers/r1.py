"""R1: weight / 2 |grad D|^2 at real signals.

How large a weight acts depends on the signals, whose number of samples and level the gradient is
taken by. Sources: Mescheder, Geiger and Nowozin, Which training methods for GANs do actually
converge?, 2018; lazily: Karras et al., Analyzing and improving the image quality of StyleGAN, 2020.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.regularizers.base import Regularizer, RegularizerConfig
from gan_sep.adversarial.scored import Scored
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class Config(RegularizerConfig):
    """Raises ValueError where the weight is not above 0, or `every` is below 1."""

    weight: float = 1.0  # times half the squared norm of the gradient at a segment
    every: int = 16  # lazily: only in every so-manieth step, and then so many times as strong

    where: ClassVar[Literal["real", "estimates"]] = "real"

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"weight: expected > 0, got {self.weight}; leave it out for none")
        at_least(1, self, "every")

    def build(self, num_sources: int, accelerator: Accelerator) -> "GradientPenalty":
        return GradientPenalty(self)

    def check_training(self, first: int, steps: int) -> None:
        if first + -first % self.every >= steps:
            raise ValueError(
                f"every: expected a multiple of it between step {first}, in which the "
                f"discriminators begin to learn, and training.steps ({steps}), got {self.every}: "
                "there would be no penalty"
            )


class GradientPenalty(Regularizer):
    """R1, or at estimates R2."""

    def __init__(self, settings: Config) -> None:
        self.settings = settings

    def differentiates(self, step: int) -> bool:
        return step % self.settings.every == 0

    def __call__(self, real: Scored, fake: Scored, step: int) -> Tensor | None:
        if not self.differentiates(step):
            return None
        settings = self.settings
        scored = real if settings.where == "real" else fake
        return settings.every * settings.weight / 2 * gradient_penalty(scored)


def gradient_penalty(scored: Scored) -> Tensor:
    """Weighted sum over segments of |d score / d signal|^2, over all its samples: (S,), >= 0.

    The signals are part of the output's graph. The value can be differentiated by the
    discriminators' weights.
    """
    # A score depends on its own segment and source alone: the gradient of the sum is all of theirs.
    total = scored.output.scores().float().sum()
    (gradient,) = torch.autograd.grad(total, scored.signals, create_graph=True)
    given = gradient.masked_fill(~scored.active[:, :, None, None], 0.0)  # (N, S, C, T)
    return scored.mean(given.square().sum((2, 3)))
