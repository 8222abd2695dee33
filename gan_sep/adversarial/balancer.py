"""How strongly each term's gradient acts beside the others' at the estimates, per source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from einops import rearrange
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """A term's part in the gradient: a constant weight, or a held ratio of norms."""

    weight: float | None = None  # of its gradient; exactly one of weight and ratio
    ratio: float | None = None  # norm of its weighted gradient over that of the gradient beside it
    decay: float = 0.99  # of the running means of the norms, for each step


class Balancer:
    """Adds the gradients of named terms, each with its share, and remembers their usual norms."""

    def __init__(
        self, shares: Mapping[str, Share], num_sources: int, accelerator: Accelerator
    ) -> None:
        self.terms = {
            name: GradientBalance(share, num_sources, accelerator) for name, share in shares.items()
        }

    def weighted(
        self, name: str, beside: Tensor, gradient: Tensor, num_paired: int
    ) -> tuple[Tensor, Tensor]:
        """A term's gradient (N, S, C, T), weighted; the ratio (S,) of its norm to `beside`'s.

        Both norms are those of the first num_paired segments: `beside` is zero at the others.
        """
        weights, ratio = self.terms[name].weights(beside[:num_paired], gradient[:num_paired])
        return rearrange(weights, "s -> s 1 1") * gradient, ratio

    def end_step(self) -> None:
        """Fold this step's gradients into the running means of all terms that acted in it."""
        for term in self.terms.values():
            term.end_step()

    def state_dict(self) -> dict[str, Any]:
        return {name: term.running for name, term in self.terms.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over the terms that both have."""
        for name, term in self.terms.items():
            running = state.get(name)
            term.running = None if running is None else running.to(term.accelerator.device)


class GradientBalance:
    """Weighs the gradient of one term at the generator's output, per source; measures the ratio.

    With a `weight` that is it. With a `ratio` the weight is chosen so that the weighted gradient's
    norm is `ratio` times that of the gradient beside it, both running root mean squares over steps
    and processes (Défossez et al., High Fidelity Neural Audio Compression, 2022, balances losses at
    the output in the same way). In the first step nothing is running yet: each micro-batch of all
    processes is then weighed by its own norms.
    """

    def __init__(self, share: Share, num_sources: int, accelerator: Accelerator) -> None:
        self.share = share
        self.accelerator = accelerator
        # Micro-batches of all processes in a step: what lasts from it depends on neither number.
        self.parts = accelerator.num_processes * accelerator.gradient_accumulation_steps
        # Rows: the gradient beside, the term's. Sums of squares of this step; means of steps.
        self.current = torch.zeros(2, num_sources, device=accelerator.device)  # (2, S)
        self.acted = False  # in this step
        self.running: Tensor | None = None

    def weights(self, beside: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Two gradients (B, S, C, T) -> weights (S,) of the second, weighted norm ratio (S,)."""
        gradients = torch.stack([beside, gradient])  # (2, B, S, C, T)
        squares = gradients.square().sum(dim=(1, 3, 4))  # (2, S)
        # Each micro-batch gives the gradient of its own mean: parts times that of the whole step's.
        squares = self.accelerator.reduce(squares, "sum") / self.parts**2
        self.current += squares
        self.acted = True
        ratio = _ratio(squares)  # (S,)
        if self.share.weight is not None:
            weights = torch.full_like(ratio, self.share.weight)  # (S,)
        else:
            running = _ratio(squares if self.running is None else self.running)  # (S,)
            wanted = self.share.ratio or 0.0
            # A source silent in the whole batch has no gradient to weigh.
            weights = torch.where(running > 0, wanted / running.clamp_min(1e-20), 0.0)  # (S,)
        return weights, weights * ratio

    def end_step(self) -> None:
        """Fold this step's gradients, all accumulated micro-batches together, into the running
        means, where the term acted.
        """
        if not self.acted:
            return
        if self.running is None:
            self.running = self.current.clone()
        else:
            # A source without a gradient of the term in this step says nothing about its usual
            # size.
            seen = self.current[1] > 0  # (S,)
            mixed = torch.lerp(self.current, self.running, self.share.decay)  # (2, S)
            self.running = torch.where(seen, mixed, self.running)  # (2, S)
        self.current.zero_()
        self.acted = False


def _ratio(squares: Tensor) -> Tensor:
    """Norm of the term's gradient over that of the one beside it, (2, S) -> (S,)."""
    return (squares[1] / squares[0].clamp_min(1e-30)).sqrt()
