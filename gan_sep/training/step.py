"""One step of each player.

The estimates are computed once. Every loss is differentiated down to the estimates only; there the
gradients are compared, weighed and added, and their sum is sent back through the generator once.
Both players step at the end, from the weights they met: so accumulated micro-batches equal one
large batch, and processes equal one process. A plain arm's line search asks for all of this again,
at the weights that it tries out.
"""

from collections.abc import Mapping, Sequence

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.balancer import Balancer
from gan_sep.config.run import SingularValues
from gan_sep.losses.base import WeightedLosses
from gan_sep.training.batch import Batch, Place
from gan_sep.training.player import Player
from gan_sep.training.singular_values import add_gradient

ADVERSARIAL = "adversarial"  # the term of the discriminators, feature matching included


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
        balancer: Balancer | None = None,
        frozen_steps: int = 0,
        singular_values: SingularValues | None = None,
    ) -> None:
        self.accelerator = accelerator
        self.generator = generator
        self.adversary = adversary
        self.losses = losses
        self.balancer = balancer or Balancer({}, 0, accelerator)
        self.frozen_steps = frozen_steps
        self.singular_values = singular_values
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
        if step >= self.frozen_steps:
            if self.singular_values is not None:
                log["singular_values"] = self._penalise(self.singular_values, step)
            log["gradient_norm/generator"] = self.generator.move(
                self.accelerator,
                step,
                log["loss/reconstruction"],
                lambda: self._evaluate(micro_batches, None, step)["loss/reconstruction"],
            )
        self.balancer.end_step()
        if adversary is not None:
            log |= adversary.move(step, log["loss/discriminator"])
        return log

    def _penalise(self, settings: SingularValues, step: int) -> Tensor:
        """Add the penalty's gradient to the generator's, in every process the same."""
        network = self.accelerator.unwrap_model(self.generator.network)
        return add_gradient(network, settings.weight, settings.smallest_mib, seed=step)

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
        if adversary is None:
            batch = batch.paired()
        B = batch.num_paired
        learns = place.step >= self.frozen_steps
        with torch.set_grad_enabled(learns):
            estimates = self.generator.network(batch.mixture)  # (N, S, C, T)
        output = estimates.detach().requires_grad_()  # (N, S, C, T)

        terms = self.losses(output[:B], batch.sources[:B])  # name -> (S,)
        log = self.losses.log(terms, batch.sources[:B])
        gradient = self._reconstruction(terms, output, B, log)
        if adversary is not None:
            asked = adversary.losses(batch, output, place, log)
            if learns and asked.generator is not None:
                (other,) = torch.autograd.grad(
                    asked.generator.mean(), output, retain_graph=asked.discriminator is not None
                )
                other, ratio = self.balancer.weighted(ADVERSARIAL, gradient, other, B)
                log["gradient_ratio"] = ratio
                gradient = gradient + other
            if asked.discriminator is not None:
                self.accelerator.backward(asked.discriminator.mean(), inputs=adversary.weights)
        if learns:
            self.accelerator.backward(estimates, gradient=gradient)
        return log

    def _reconstruction(
        self, terms: Mapping[str, Tensor], output: Tensor, num_paired: int, log: dict[str, Tensor]
    ) -> Tensor:
        """The gradient (N, S, C, T) of the reconstruction losses, each held to its share."""
        held = self.losses.shares()
        (weighted,) = torch.autograd.grad(
            self.losses.total(terms).mean(), output, retain_graph=bool(held)
        )
        gradient = weighted
        for name in held:
            loss = self.losses.weighted(name, terms).mean()
            (other,) = torch.autograd.grad(loss, output, retain_graph=True)
            other, log[f"gradient_ratio/{name}"] = self.balancer.weighted(
                name, weighted, other, num_paired
            )
            gradient = gradient + other
        return gradient
