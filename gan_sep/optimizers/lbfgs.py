"""L-BFGS with a strong Wolfe line search: several iterations of it on the batch of each step.

Where it goes is found from how the gradient changed between earlier iterations, which tells of the
loss's curvature only as long as all of them saw the same batch. Here every step has a batch of its
own: segments are drawn and augmented anew, even where a batch holds one of each training track. So
each step begins with an empty memory, in the direction of steepest descent, and goes through all
its iterations on one function; nothing lasts from step to step. The published 400 iterations on one
fixed training set are approached by batches as large as the training set and steps of many
iterations.

An iteration takes little more than one evaluation of the whole batch, forwards and backwards, each
with the same draws of dropout; a step takes one more. What a network gathers of its input in the
forward pass, as batch normalisation does, it gathers at weights that are only tried out, too.

Source: Liu, Nocedal, On the limited memory BFGS method for large scale optimization, 1989; for what
changing batches do to it, Berahas, Nocedal, Takáč, A multi-batch L-BFGS method for machine
learning, 2016.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from gan_sep.optimizers.schedules import constant
from gan_sep.optimizers.schedules.base import Schedule
from gan_sep.ranges import at_least, positive

# Evaluations for each iteration of a step, so many that the iterations, not they, end it.
_EVALUATIONS = 25


@dataclass(frozen=True)
class Config:
    """torch's L-BFGS, forgetful. Raises ValueError naming the field that is out of range."""

    line_search: ClassVar[bool] = True
    # A gradient that was clipped is no longer that of the function that the line search follows.
    max_gradient_norm: ClassVar[None] = None
    schedule: ClassVar[Schedule] = constant.Config()
    lr: float = 1.0  # the share of the quasi-Newton step at which each line search begins
    iterations: int = 20  # of one training step
    history: int = 10  # iterations that are remembered, at twice the memory of the weights each

    def __post_init__(self) -> None:
        positive(self, "lr")
        at_least(1, self, "iterations", "history")

    def build(self, weights: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        """torch's L-BFGS, with a memory that ends with the step."""
        return ForgetfulLBFGS(
            [weight for _, weight in weights],
            lr=self.lr,
            max_iter=self.iterations,
            max_eval=_EVALUATIONS * self.iterations,
            history_size=self.history,
            line_search_fn="strong_wolfe",
        )


class ForgetfulLBFGS(torch.optim.LBFGS):
    """L-BFGS whose steps each begin without a memory of those before."""

    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        """All iterations of one step; `closure` returns the loss and leaves the gradients."""
        loss: float = super().step(closure)
        self.state.clear()
        return loss
