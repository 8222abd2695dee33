"""The probability of augmentation, per discriminator, moved until the discriminator is no longer
too sure.

Source: Karras et al., Training generative adversarial networks with limited data, 2020.
"""

from typing import Any

import torch
from accelerate import Accelerator

from gan_sep.adversarial.augmentation import InputAugmentation
from gan_sep.adversarial.diagnostics import THRESHOLD
from gan_sep.adversarial.scored import Scored

EVERY = 4  # steps between two moves


class AdaptiveProbability:
    """One probability for each source; constant where the settings name no target.

    r_t is the mean sign of D(real) - 0.5 over the active training segments of `EVERY` steps and all
    processes. Above its target the probability rises, below it falls, by the number of these
    segments over ramp_segments.
    """

    def __init__(
        self, settings: InputAugmentation, num_sources: int, accelerator: Accelerator
    ) -> None:
        self.settings = settings
        self.accelerator = accelerator
        # On the CPU, where what it decides is drawn.
        self.values = torch.full((num_sources,), settings.probability)  # (S,)
        # Rows: signs, active segments, all segments. Of this step and process; since the last move.
        self.current = torch.zeros(3, num_sources, device=accelerator.device)  # (3, S)
        self.sums = torch.zeros_like(self.current)  # (3, S)
        self.steps = 0

    def add(self, real: Scored) -> None:
        """Take in what the discriminators say of a micro-batch's real training segments."""
        signs = (real.output.scores().detach().float() - THRESHOLD).sign()  # (N, S)
        counts = torch.full_like(signs[0], len(signs))
        self.current += torch.stack([(signs * real.active).sum(0), real.active.sum(0), counts])

    def end_step(self) -> None:
        """Move the probabilities, where `EVERY` steps are over."""
        if self.settings.target is None:
            return
        self.sums += self.accelerator.reduce(self.current, "sum")
        self.current.zero_()
        self.steps += 1
        if self.steps % EVERY:
            return
        signs, active, segments = self.sums.cpu()  # (S,) each
        # A source that was silent throughout says nothing about its discriminator.
        surplus = torch.where(active > 0, signs / active.clamp_min(1) - self.settings.target, 0.0)
        moves = surplus.sign() * segments / self.settings.ramp_segments
        self.values = (self.values + moves).clamp(0, 1)  # (S,)
        self.sums.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {"values": self.values, "sums": self.sums, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.values = state["values"]
        self.sums = state["sums"].to(self.accelerator.device)
        self.steps = state["steps"]
