"""A network with its optimiser: one of the two sides of adversarial training."""

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_sep.optimizers.base import OptimizerConfig


class NonFiniteError(RuntimeError):
    """A loss or gradient that is NaN or infinite; the message names the player and the step."""


@dataclass
class Player:
    """A network and its optimiser, both as Accelerate prepared them."""

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    max_gradient_norm: float | None

    @classmethod
    def prepared(
        cls, name: str, network: nn.Module, settings: OptimizerConfig, accelerator: Accelerator
    ) -> "Player":
        """A fresh network with its optimiser, on the accelerator's device and processes."""
        network = network.to(accelerator.device)
        optimizer = settings.build(network.parameters())
        network, optimizer = accelerator.prepare(network, optimizer)
        return cls(name, network, optimizer, settings.max_gradient_norm)

    def move(self, accelerator: Accelerator, step: int, loss: Tensor) -> Tensor:
        """One optimiser step from the gathered gradients; their norm before clipping.

        Raises NonFiniteError where that norm or the loss they come from, (S,), is NaN or infinite;
        the weights are then untouched.
        """
        limit = self.max_gradient_norm or float("inf")
        norm = accelerator.clip_grad_norm_(self.network.parameters(), limit)
        if not bool(torch.isfinite(norm + loss.sum())):
            raise NonFiniteError(
                f"step {step}: the {self.name}'s loss is {loss.tolist()} and its gradient's norm "
                f"{norm.item()}. Its weights are those of the step before. Lower its learning "
                "rate, or set its max_gradient_norm"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        return torch.as_tensor(norm)
