"""The usual scores of real signals and of estimates: the state that LeCam rests on."""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.objectives import Scored
from gan_sep.adversarial.regularizers import LeCam, lecam_penalty


class UsualScores:
    """Running means over steps and processes of each discriminator's scores; the penalty they make.

    The means are those of the steps before: constant over the micro-batches of a step. A source
    counts from the step after the first in which it sounded among real signals and among estimates.
    """

    def __init__(self, settings: LeCam, num_sources: int, accelerator: Accelerator) -> None:
        self.settings = settings
        self.accelerator = accelerator
        # Rows: real, estimated. Of this step: sums of scores, numbers of active segments.
        self.sums = torch.zeros(2, num_sources, device=accelerator.device)  # (2, S)
        self.counts = torch.zeros_like(self.sums)  # (2, S)
        self.means = torch.full_like(self.sums, torch.nan)  # (2, S), NaN until known

    def penalty(self, real: Sequence[Scored], fake: Sequence[Scored]) -> Tensor:
        """The weighted penalty of a micro-batch, (S,); its scores join the means later."""
        for row, outputs in enumerate((real, fake)):
            for scored in outputs:
                scores = scored.output.scores().detach().float()  # (B, S)
                self.sums[row] += scores.masked_fill(~scored.active, 0.0).sum(0)
                self.counts[row] += scored.active.sum(0)
        known = ~self.means.isnan().any(0)  # (S,)
        real, fake = (
            [scored._replace(active=scored.active & known) for scored in outputs]
            for outputs in (real, fake)
        )
        return self.settings.weight * lecam_penalty(real, fake, *self.means.nan_to_num())

    def end_step(self) -> None:
        """Fold this step's scores, of all micro-batches and processes, into the running means."""
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
