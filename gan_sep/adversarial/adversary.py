"""The adversary of the generator: what the discriminators do in a training step, and their state.

They score the estimates once for both players: at the estimates this gives the generator its
gradient, at their own weights the discriminators theirs, and nothing leaks from one to the other.
"""

from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.config import Adversarial
from gan_sep.adversarial.feature_matching import feature_matching
from gan_sep.adversarial.inputs import Input, Inputs
from gan_sep.adversarial.regularizers.base import Regularizer
from gan_sep.adversarial.scored import Scored
from gan_sep.audio import AudioFormat
from gan_sep.discriminators.layers.inputs import is_conditioned
from gan_sep.losses.base import term_names
from gan_sep.random import draw
from gan_sep.training.batch import Batch, Place
from gan_sep.training.player import Player


class AdversarialLosses(NamedTuple):
    """What each player minimises in a micro-batch, (S,); None where it learns nothing from it."""

    generator: Tensor | None
    discriminator: Tensor | None


class Adversary:
    """The discriminators as a player.

    In each micro-batch of a step `losses` says what both players minimise; at its end `move` makes
    the discriminators' own step from the gradients that were gathered.
    """

    def __init__(
        self,
        discriminator: Player,
        settings: Adversarial,
        audio: AudioFormat,
        seed: int,
        accelerator: Accelerator,
    ) -> None:
        self.seed = seed  # of everything drawn here, with the step
        self.discriminator = discriminator
        self.settings = settings
        self.accelerator = accelerator
        num_sources = len(audio.sources)
        self.probability: AdaptiveProbability | None = None
        if settings.augmentation is not None:
            self.probability = AdaptiveProbability(settings.augmentation, num_sources, accelerator)
        conditioned = is_conditioned(discriminator.network)
        self.inputs = Inputs(settings, audio, seed, conditioned, self.probability)
        built = [each.build(num_sources, accelerator) for each in settings.regularizers]
        self.regularizers = dict(zip(term_names(settings.regularizers), built, strict=True))

    @property
    def weights(self) -> list[torch.nn.Parameter]:
        """What the discriminators learn."""
        return list(self.discriminator.network.parameters())

    def learns(self, step: int) -> bool:
        """Whether the discriminators have begun to learn in this step, counted from 0."""
        return step >= self.settings.first_discriminator_step

    def updates(self, step: int) -> bool:
        """Whether their weights move in this step, in which they learn."""
        if self.settings.frozen:
            return False
        probability = self.settings.update_probability
        return draw(self.seed, "discriminator update", step).random() < probability

    def acts(self, step: int) -> bool:
        """Whether the generator learns from them in this step."""
        return step >= self.settings.warmup_steps

    def losses(
        self, batch: Batch, estimates: Tensor, place: Place, log: dict[str, Tensor]
    ) -> AdversarialLosses:
        """Score a micro-batch and its estimates (N, S, C, T) -> the losses of both players.

        The generator's is to be differentiated at the estimates alone, the discriminators' at their
        weights alone, and in this order: the second frees the graph that they share. log gets the
        value (S,) of every term by its name.
        """
        real, fake = self._scored(batch, estimates, place)
        log["silent_share"] = 1 - real.active.float().mean(0)  # (S,)
        acts = self.acts(place.step)
        of_generator = self._generator_loss(batch, real, fake, log) if acts else None
        of_discriminator = self._discriminator_loss(real, fake, place.step, log)
        if self.probability is not None:
            log["augmentation_probability"] = self.probability.values.to(estimates.device)
            self.probability.add(real)
        for name, scored in (("real", real), ("estimate", fake)):
            paired = scored.active[: batch.num_paired]  # (B, S)
            scores = scored.output.scores().detach()[: batch.num_paired]  # (B, S)
            log[f"score/{name}"] = (scores * paired).sum(0) / paired.sum(0).clamp_min(1)  # (S,)
        return AdversarialLosses(of_generator, of_discriminator)

    def _scored(self, batch: Batch, estimates: Tensor, place: Place) -> tuple[Scored, Scored]:
        """What they say of the sources and of the estimates."""
        real, fake = self.inputs(batch, estimates, place)
        if any(each.differentiates(place.step) for each in self.regularizers.values()):
            real = real._replace(signals=real.signals.detach().requires_grad_())
        # One after the other: what flows back to the estimates must not pass through the real
        # sources too.
        return self._ask(real), self._ask(fake)

    def _ask(self, given: Input) -> Scored:
        output = self.discriminator.network(given.signals, given.mixture)
        return Scored(output, given.weights, given.signals)

    def _generator_loss(
        self, batch: Batch, real: Scored, fake: Scored, log: dict[str, Tensor]
    ) -> Tensor:
        """What the discriminators say against the estimates, (S,), feature matching included."""
        loss = len(batch.kinds()) * self.settings.objective.generator(real, fake)  # (S,)
        log["loss/adversarial"] = loss.detach()
        if self.settings.feature_matching:
            matching = feature_matching(real, fake, batch.num_paired)  # (S,)
            log["loss/feature_matching"] = matching.detach()
            loss = loss + self.settings.feature_matching * matching
        return loss

    def _discriminator_loss(
        self, real: Scored, fake: Scored, step: int, log: dict[str, Tensor]
    ) -> Tensor | None:
        """Their own loss with every regularizer's penalty, (S,); None where they do not update."""
        loss = self.settings.objective.discriminator(real, fake)  # (S,)
        log["loss/discriminator"] = loss.detach()
        if not self.updates(step):
            return None
        for name, regularizer in self.regularizers.items():
            penalty = regularizer(real, fake, step)  # (S,)
            if penalty is not None:
                log[f"loss/{name}"] = penalty.detach()
                loss = loss + penalty
        return loss

    def move(self, step: int, loss: Tensor) -> dict[str, Tensor]:
        """What their part of a step ends with: their own step, where they update; values to log.

        loss: (S,), the mean of the micro-batches. Raises NonFiniteError as `Player.move`.
        """
        if self.probability is not None:
            self.probability.end_step()
        if not self.updates(step):
            return {}
        for regularizer in self.regularizers.values():
            regularizer.end_step()
        norm = self.discriminator.move(self.accelerator, step, loss)
        return {"gradient_norm/discriminator": norm}

    def state_dict(self) -> dict[str, Any]:
        """All that lasts from step to step but the player's weights and optimiser."""
        return {name: part.state_dict() for name, part in self._lasting().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._lasting().items():
            part.load_state_dict(state[name])

    def _lasting(self) -> dict[str, Regularizer | AdaptiveProbability]:
        """What has a state, by its name."""
        parts: dict[str, Regularizer | AdaptiveProbability] = dict(self.regularizers)
        if self.probability is not None:
            parts["augmentation"] = self.probability
        return parts
