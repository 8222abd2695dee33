"""How strongly the adversarial gradient speaks beside the reconstruction gradient, per source."""

from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.config.run import Adversarial


class GradientBalance:
    """Weighs the adversarial gradient at the generator's output, per source; measures the ratio.

    With `gamma` the weight is that constant. With `balance` it is chosen so that the weighted
    adversarial gradient's norm is `balance` times the reconstruction gradient's norm, both running
    root mean squares over steps and processes (Défossez et al., High Fidelity Neural Audio
    Compression, 2022, balances losses at the output in the same way). In the first step nothing is
    running yet: each micro-batch of all processes is then weighed by its own norms.
    """

    def __init__(self, settings: Adversarial, num_sources: int, accelerator: Accelerator) -> None:
        self.settings = settings
        self.accelerator = accelerator
        # Micro-batches of all processes in a step: what lasts from it depends on neither number.
        self.parts = accelerator.num_processes * accelerator.gradient_accumulation_steps
        # Rows: reconstruction, adversarial. Sums of squares of this step; running means of steps.
        self.current = torch.zeros(2, num_sources, device=accelerator.device)  # (2, S)
        self.running: Tensor | None = None

    def weights(self, reconstruction: Tensor, adversarial: Tensor) -> tuple[Tensor, Tensor]:
        """Two gradients (B, S, C, T) -> weights (S,) of the second, weighted norm ratio (S,)."""
        gradients = torch.stack([reconstruction, adversarial])  # (2, B, S, C, T)
        squares = gradients.square().sum(dim=(1, 3, 4))  # (2, S)
        # Each micro-batch gives the gradient of its own mean: parts times that of the whole step's.
        squares = self.accelerator.reduce(squares, "sum") / self.parts**2
        self.current += squares
        ratio = _ratio(squares)  # (S,)
        if self.settings.gamma is not None:
            weights = torch.full_like(ratio, self.settings.gamma)  # (S,)
        else:
            running = _ratio(squares if self.running is None else self.running)  # (S,)
            balance = self.settings.balance or 0.0
            # A source silent in the whole batch has no adversarial gradient to weigh.
            weights = torch.where(running > 0, balance / running.clamp_min(1e-20), 0.0)  # (S,)
        return weights, weights * ratio

    def end_step(self) -> None:
        """Fold this step's gradients, all accumulated micro-batches together, into the running
        means.
        """
        if self.running is None:
            self.running = self.current.clone()
        else:
            # A source without adversarial gradient in this step says nothing about its usual size.
            seen = self.current[1] > 0  # (S,)
            decay = self.settings.balance_decay
            mixed = torch.lerp(self.current, self.running, decay)  # (2, S)
            self.running = torch.where(seen, mixed, self.running)  # (2, S)
        self.current.zero_()

    def state_dict(self) -> dict[str, Any]:
        return {"running": self.running}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        running = state["running"]
        self.running = None if running is None else running.to(self.accelerator.device)


def _ratio(squares: Tensor) -> Tensor:
    """Norm of the adversarial over that of the reconstruction gradient, (2, S) -> (S,)."""
    return (squares[1] / squares[0].clamp_min(1e-30)).sqrt()
