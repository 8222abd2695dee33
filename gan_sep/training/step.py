"""One step of each player.

The estimates are computed once. Every loss is differentiated down to the estimates only; there the
gradients are compared, weighed and added, and their sum is sent back through the generator once.
The discriminators judge the estimates once for both players: at the estimates this gives the
generator its gradient, at their own weights the discriminators theirs, and nothing leaks from one
to the other. Both step at the end, from the weights they met: so accumulated passes equal one
large batch, and processes equal one process.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from accelerate import Accelerator
from einops import rearrange
from torch import Tensor

from gan_sep.discriminators.base import Judgement
from gan_sep.experiment import Adversarial
from gan_sep.losses.adversarial import Judged, discriminator_loss, separation_loss
from gan_sep.losses.base import ReconstructionLoss
from gan_sep.training.balance import GradientBalance
from gan_sep.training.player import Player
from gan_sep.training.silence import audible

LOSS_OF = {"generator": "loss/reconstruction", "discriminator": "loss/discriminator"}


class Batch(NamedTuple):
    """One pass: sources (B, S, C, T); unpaired mixtures (U, C, T) and stems (U, S, C, T)."""

    sources: Tensor
    unpaired: tuple[Tensor, Tensor] | None = None


class Material(NamedTuple):
    """Signals (B, S, C, T) and (U, S, C, T), and where each counts: bool (B, S) and (U, S)."""

    signals: list[Tensor]
    active: list[Tensor]

    def judged(self, judgement: Judgement) -> list[Judged]:
        """A judgement of all signals in one batch, taken apart again.

        The losses divide by the number of segments, silent ones included, so that neither
        accumulation nor the number of processes changes what a segment weighs.
        """
        parts, start = [], 0
        for active in self.active:
            part = take(judgement, slice(start, start + len(active)))
            divisor = torch.full_like(active[0], len(active), dtype=torch.float)  # (S,)
            parts.append(Judged(part, active, divisor))
            start += len(active)
        return parts


def take(judgement: Judgement, items: slice) -> Judgement:
    """The judgement of some items of the batch."""
    return Judgement(judgement.logits[items], [feature[items] for feature in judgement.features])


class TrainingStep:
    """Both players' moves on one batch, given in as many passes as gradients accumulate over."""

    def __init__(
        self,
        accelerator: Accelerator,
        generator: Player,
        discriminator: Player | None,
        reconstruction: ReconstructionLoss,
        settings: Adversarial,
        num_sources: int,
    ) -> None:
        self.accelerator = accelerator
        self.generator = generator
        self.discriminator = discriminator
        self.reconstruction = reconstruction
        self.settings = settings
        self.balance = GradientBalance(settings, num_sources, accelerator)

    def __call__(self, passes: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """Move both players once, `step` counted from 0; values to log, scalars or (S,) per source.

        Raises NonFiniteError naming player and step.
        """
        judging = self.discriminator is not None and step >= self.settings.first_discriminator_step
        acting = judging and step >= self.settings.warmup_steps
        networks = [p.network for p in (self.generator, self.discriminator) if p is not None]
        logs = []
        for batch in passes:
            with self.accelerator.accumulate(*networks):
                logs.append(self._differentiate(batch, judging, acting))
        log = {name: torch.stack([each[name] for each in logs]).mean(0) for name in logs[0]}
        for player in (self.generator, self.discriminator if judging else None):
            if player is not None:
                loss = log[LOSS_OF[player.name]]
                log[f"gradient_norm/{player.name}"] = player.move(self.accelerator, step, loss)
        if acting:
            self.balance.end_step()
        return log

    def _differentiate(self, batch: Batch, judging: bool, acting: bool) -> dict[str, Tensor]:
        """Gradients of both players for one pass; the losses (S,)."""
        mixture = batch.sources.sum(1)  # (B, C, T)
        if judging and batch.unpaired is not None:
            mixture = torch.cat([mixture, batch.unpaired[0]])  # (B + U, C, T)
        estimates = self.generator.network(mixture)  # (B + U, S, C, T)
        output = estimates.detach().requires_grad_()  # (B + U, S, C, T)

        loss = self.reconstruction(output[: len(batch.sources)], batch.sources)  # (S,)
        (gradient,) = torch.autograd.grad(loss.mean(), output)  # (B + U, S, C, T)
        log = {"loss/reconstruction": loss.detach()}
        if judging:
            real, fake = self._materials(batch, output)
            log["silent_share"] = 1 - torch.cat(real.active).float().mean(0)  # (S,)
            judged_real, judged_fake = self._judge(real, fake)
            if acting:
                # First the gradient at the estimates, since what follows frees the graph.
                gradient = gradient + self._generator_gradient(gradient, output, judged_fake, log)
            self._discriminator_backward(judged_real, judged_fake, log)
        self.accelerator.backward(estimates, gradient=gradient)
        return log

    def _materials(self, batch: Batch, output: Tensor) -> tuple[Material, Material]:
        """The real and the estimated signals, paired then unpaired, with the masks of silence.

        An estimate of a paired mixture counts where its true source sounds; that of an unpaired
        one, whose stems nobody knows, where it sounds itself.
        """
        B, limit = len(batch.sources), self.settings.silence_db
        sounding = audible(batch.sources, limit)  # (B, S)
        if batch.unpaired is None:
            return Material([batch.sources], [sounding]), Material([output], [sounding])
        stems, estimates = batch.unpaired[1], output[B:]  # (U, S, C, T)
        return (
            Material([batch.sources, stems], [sounding, audible(stems, limit)]),
            Material([output[:B], estimates], [sounding, audible(estimates, limit)]),
        )

    def _judge(self, real: Material, fake: Material) -> tuple[list[Judged], list[Judged]]:
        """What the panel says of real sources and of estimates; the graphs serve both players."""
        assert self.discriminator is not None
        panel = self.discriminator.network
        # Two passes: what flows back to the estimates must not pass through the real sources too.
        return real.judged(panel(torch.cat(real.signals))), fake.judged(
            panel(torch.cat(fake.signals))
        )

    def _generator_gradient(
        self, reconstruction: Tensor, output: Tensor, fake: list[Judged], log: dict[str, Tensor]
    ) -> Tensor:
        """The weighted gradient (B + U, S, C, T) of the adversarial loss at the estimates.

        Asked for there alone: the discriminators' weights are constants of the generator's move.
        """
        loss = separation_loss(fake, self.settings.labels)  # (S,)
        (gradient,) = torch.autograd.grad(loss.mean(), output, retain_graph=True)
        B = len(fake[0].active)
        weights, ratio = self.balance.weights(reconstruction[:B], gradient[:B])  # (S,), (S,)
        log["loss/adversarial"] = loss.detach()
        log["gradient_ratio"] = ratio
        return rearrange(weights, "s -> s 1 1") * gradient

    def _discriminator_backward(
        self, real: list[Judged], fake: list[Judged], log: dict[str, Tensor]
    ) -> None:
        """Gradients of the discriminators' weights, and of nothing before them."""
        assert self.discriminator is not None
        loss = discriminator_loss(real, fake, self.settings.labels)  # (S,)
        weights = list(self.discriminator.network.parameters())
        self.accelerator.backward(loss.mean(), inputs=weights)
        log["loss/discriminator"] = loss.detach()
        for name, judged in (("real", real[0]), ("estimate", fake[0])):
            active, scores = judged.active, judged.judgement.scores().detach()  # (B, S)
            log[f"score/{name}"] = (scores * active).sum(0) / active.sum(0).clamp_min(1)  # (S,)
