"""A network with its optimiser: one of the two sides of adversarial training."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_sep.optimizers.base import OptimizerConfig
from gan_sep.training.processes import random_state, restore_random_state


class NonFiniteError(RuntimeError):
    """A loss or gradient that is NaN or infinite; the message names the player and the step."""


@dataclass
class Player:
    """A network and its optimiser, both as Accelerate prepared them."""

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    settings: OptimizerConfig

    @classmethod
    def prepared(
        cls, name: str, network: nn.Module, settings: OptimizerConfig, accelerator: Accelerator
    ) -> "Player":
        """A fresh network with its optimiser, on the accelerator's device and processes."""
        network = network.to(accelerator.device)
        optimizer = settings.build(network.named_parameters())
        network, optimizer = accelerator.prepare(network, optimizer)
        return cls(name, network, optimizer, settings)

    def move(
        self,
        accelerator: Accelerator,
        step: int,
        loss: Tensor,
        evaluate: Callable[[], Tensor] | None = None,
    ) -> Tensor:
        """One optimiser step from the gathered gradients; their norm before clipping.

        evaluate: gathers them anew, from the same batch with the weights as they then are, and
        returns the loss (S,); an optimiser with a line search needs it.
        Raises NonFiniteError where that norm, the loss (S,) the gradients come from, or a loss that
        a line search meets, is NaN or infinite; the weights are then those of before.
        """
        limit = self.settings.max_gradient_norm or float("inf")
        norm = torch.as_tensor(accelerator.clip_grad_norm_(self.network.parameters(), limit))
        if not bool(torch.isfinite(norm + loss.sum())):
            raise self._non_finite(step, f"{loss.tolist()} and its gradient's norm {norm.item()}")
        if self.settings.line_search:
            assert evaluate is not None
            self._search(accelerator, step, evaluate)
        else:
            self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def _search(self, accelerator: Accelerator, step: int, evaluate: Callable[[], Tensor]) -> None:
        """A step of line searches, all of them over one function: dropout's draws stay the same."""
        draws = random_state()
        weights = list(self.network.parameters())
        before = [weight.detach().clone() for weight in weights]

        def closure() -> float:
            restore_random_state(draws)
            self.optimizer.zero_grad()
            loss = accelerator.reduce(evaluate(), "mean")  # (S,)
            if not bool(torch.isfinite(loss.sum())):
                for weight, old in zip(weights, before, strict=True):
                    weight.data.copy_(old)
                raise self._non_finite(step, f"{loss.tolist()} where the line search tried it")
            return loss.mean().item()

        self.optimizer.step(closure)

    def _non_finite(self, step: int, found: str) -> NonFiniteError:
        clip = "" if self.settings.line_search else ", or set its max_gradient_norm"
        return NonFiniteError(
            f"step {step}: the {self.name}'s loss is {found}. Its weights are those of the step "
            f"before. Lower its learning rate{clip}"
        )
