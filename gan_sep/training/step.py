"""One step of each player.

The estimates are computed once. Every loss is differentiated down to the estimates only; there the
gradients are compared, weighed and added, and their sum is sent back through the generator once.
Both players step at the end, from the weights they met: so accumulated micro-batches equal one
large batch, and processes equal one process. A plain arm's line search asks for all of this again,
at the weights that it tries out.
"""

from collections.abc import Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.material import Batch, Place
from gan_sep.losses.base import WeightedLosses
from gan_sep.training.player import Player


class TrainingStep:
    """Both players' moves on one batch, given in as many micro-batches as gradients accumulate
    over.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        generator: Player,
        adversary: Adversary | None,
        losses: WeightedLosses,
    ) -> None:
        self.accelerator = accelerator
        self.generator = generator
        self.adversary = adversary
        self.losses = losses
        self.networks = [generator.network]
        if adversary is not None:
            self.networks.append(adversary.discriminator.network)

    def __call__(self, micro_batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """Move both players once, `step` counted from 0; values to log, scalars or (S,) per source.

        Raises NonFiniteError naming player and step.
        """
        adversary = self.adversary
        if adversary is not None and not adversary.learns(step):
            adversary = None
        log = self._evaluate(micro_batches, adversary, step)
        log["gradient_norm/generator"] = self.generator.move(
            self.accelerator,
            step,
            log["loss/reconstruction"],
            lambda: self._evaluate(micro_batches, None, step)["loss/reconstruction"],
        )
        if adversary is not None:
            log |= adversary.move(step, log["loss/discriminator"])
        return log

    def _evaluate(
        self, micro_batches: Sequence[Batch], adversary: Adversary | None, step: int
    ) -> dict[str, Tensor]:
        """Gradients of both players for the whole batch; the losses (S,)."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        logs = []
        for number, batch in enumerate(micro_batches):
            with self.accelerator.accumulate(*self.networks):
                place = Place(step, number * world + rank)
                logs.append(self._differentiate(batch, adversary, place))
        return {name: torch.stack([each[name] for each in logs]).mean(0) for name in logs[0]}

    def _differentiate(
        self, batch: Batch, adversary: Adversary | None, place: Place
    ) -> dict[str, Tensor]:
        """Gradients of both players for one micro-batch; the losses (S,)."""
        mixture = batch.sources.sum(1)  # (B, C, T)
        if adversary is not None and batch.unpaired is not None:
            mixture = torch.cat([mixture, batch.unpaired[0]])  # (B + U, C, T)
        estimates = self.generator.network(mixture)  # (B + U, S, C, T)
        output = estimates.detach().requires_grad_()  # (B + U, S, C, T)

        terms = self.losses(output[: len(batch.sources)], batch.sources)  # name -> (S,)
        loss = self.losses.total(terms).mean()
        (gradient,) = torch.autograd.grad(loss, output)  # (B + U, S, C, T)
        log = self.losses.log(terms, batch.sources)
        if adversary is not None:
            scoring = adversary.score(batch, output, place, log)
            if adversary.acts(place.step):
                gradient = gradient + adversary.gradient(scoring, output, gradient, log)
            adversary.backward(scoring, place.step, log)
        self.accelerator.backward(estimates, gradient=gradient)
        return log
