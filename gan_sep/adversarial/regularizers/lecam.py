"""LeCam: what discriminators say of real signals stays near what they usually say of estimates, and
the reverse.

Source: Tseng et al., Regularizing generative adversarial networks under limited data, 2021.
"""

from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.regularizers.base import Regularizer, RegularizerConfig
from gan_sep.adversarial.scored import Scored, excess, shortfall
from gan_sep.ranges import below_one


@dataclass(frozen=True)
class Config(RegularizerConfig):
    """Raises ValueError naming the field that is out of range."""

    weight: float = 0.3  # of the penalty in the discriminators' loss
    decay: float = 0.99  # of the running means of scores, for each step

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(f"weight: expected > 0, got {self.weight}; leave it out for none")
        below_one(self, "decay")

    def build(self, num_sources: int, accelerator: Accelerator) -> "LeCam":
        return LeCam(self, num_sources, accelerator)


class LeCam(Regularizer):
    """Running means over steps and processes of each discriminator's scores; the penalty they make.

    The means are those of the steps before: constant over the micro-batches of a step. A source
    counts from the step after the first in which it sounded among real signals and among estimates.
    """

    def __init__(self, settings: Config, num_sources: int, accelerator: Accelerator) -> None:
        self.settings = settings
        self.accelerator = accelerator
        # Rows: real, estimated. Of this step: sums of scores, numbers of active segments.
        self.sums = torch.zeros(2, num_sources, device=accelerator.device)  # (2, S)
        self.counts = torch.zeros_like(self.sums)  # (2, S)
        self.means = torch.full_like(self.sums, torch.nan)  # (2, S), NaN until known

    def __call__(self, real: Scored, fake: Scored, step: int) -> Tensor:
        for row, scored in enumerate((real, fake)):
            scores = scored.output.scores().detach().float()  # (N, S)
            self.sums[row] += scores.masked_fill(~scored.active, 0.0).sum(0)
            self.counts[row] += scored.active.sum(0)
        known = ~self.means.isnan().any(0)  # (S,)
        usual = self.means.nan_to_num()  # (2, S)
        return self.settings.weight * lecam_penalty(real.only(known), fake.only(known), *usual)

    def end_step(self) -> None:
        sums, counts = self.accelerator.reduce(torch.stack([self.sums, self.counts]), "sum")
        scores = sums / counts.clamp_min(1)  # (2, S)
        mixed = torch.lerp(scores, self.means, self.settings.decay)  # (2, S)
        updated = torch.where(self.means.isnan(), scores, mixed)  # (2, S)
        self.means = torch.where(counts > 0, updated, self.means)  # (2, S)
        self.sums.zero_()
        self.counts.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {"means": self.means}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.means = state["means"].to(self.accelerator.device)


def lecam_penalty(real: Scored, fake: Scored, real_mean: Tensor, fake_mean: Tensor) -> Tensor:
    """relu(D(real) - fake_mean)^2 + relu(real_mean - D(fake))^2, each a mean: (S,), >= 0.

    real_mean, fake_mean: (S,), running means of what the discriminators said of each, constants.
    """
    above = real.mean_of_logits(fake_mean, lambda d: excess(d).square())
    return above + fake.mean_of_logits(real_mean, lambda d: shortfall(d).square())
