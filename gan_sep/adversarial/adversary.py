"""The adversary of the generator: what the discriminators do in a training step, and their state.

They score the estimates once for both players: at the estimates this gives the generator its
gradient, at their own weights the discriminators theirs, and nothing leaks from one to the other.
"""

from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from einops import rearrange
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.balancer import GradientBalance
from gan_sep.adversarial.crops import Crops
from gan_sep.adversarial.feature_matching import feature_matching
from gan_sep.adversarial.inputs import Presentation
from gan_sep.adversarial.material import Batch, Place, materials, score_materials
from gan_sep.adversarial.objectives import Scored, discriminator_loss, separation_loss
from gan_sep.adversarial.regularizers import gradient_penalty
from gan_sep.adversarial.usual_scores import UsualScores
from gan_sep.audio import AudioFormat
from gan_sep.config.run import Adversarial
from gan_sep.discriminators.layers.inputs import is_conditioned
from gan_sep.random import draw
from gan_sep.training.player import Player


class Scoring(NamedTuple):
    """What the discriminator says of real sources and of estimates, paired then unpaired.

    inputs_real, inputs_fake: the signals (B, S, C, T) of each output, as the discriminator received
    them.
    """

    real: list[Scored]
    fake: list[Scored]
    inputs_real: list[Tensor]
    inputs_fake: list[Tensor]


class Adversary:
    """The discriminators as a player, and how strongly they speak to the generator.

    In each micro-batch of a step they score; where they act, `gradient` is what the generator gets;
    then `backward` gathers their own gradients, from which `move` makes their step at its end.
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
        self.balance = GradientBalance(settings, num_sources, accelerator)
        self.crops: Crops | None = None
        if settings.crop_seconds is not None:
            self.crops = Crops(audio.samples(settings.crop_seconds), seed)
        self.probability: AdaptiveProbability | None = None
        if settings.augmentation is not None:
            self.probability = AdaptiveProbability(settings.augmentation, num_sources, accelerator)
        conditioned = is_conditioned(discriminator.network)
        self.presentation = Presentation(settings, seed, conditioned, self.probability)
        self.usual_scores: UsualScores | None = None
        if settings.lecam is not None:
            self.usual_scores = UsualScores(settings.lecam, num_sources, accelerator)

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

    def score(
        self, batch: Batch, estimates: Tensor, place: Place, log: dict[str, Tensor]
    ) -> Scoring:
        """Score a micro-batch and its estimates (B + U, S, C, T); the graphs serve both players."""
        if self.crops is not None:
            batch, estimates = self.crops(batch, estimates, place)
        chosen = materials(batch, estimates, self.settings.silence_db)
        real, fake = self.presentation(*chosen, place)
        active = torch.cat([material.active for material in real])  # (B + U, S)
        log["silent_share"] = 1 - active.float().mean(0)  # (S,)
        if self._gradient_penalties(place.step)[0]:
            real = [each._replace(signals=each.signals.detach().requires_grad_()) for each in real]
        discriminator = self.discriminator.network
        # Two passes: what flows back to the estimates must not pass through the real sources too.
        return Scoring(
            score_materials(discriminator, real),
            score_materials(discriminator, fake),
            [material.signals for material in real],
            [material.signals for material in fake],
        )

    def gradient(
        self, scoring: Scoring, estimates: Tensor, reconstruction: Tensor, log: dict[str, Tensor]
    ) -> Tensor:
        """The weighted gradient (B + U, S, C, T) of the adversarial loss at the estimates.

        reconstruction: the gradient (B + U, S, C, T) beside which it is weighed. Asked for at the
        estimates alone: the discriminators' weights are constants of the generator's move. To be
        called before `backward`, which frees the graph.
        """
        loss = self._generator_loss(scoring, log)  # (S,)
        (gradient,) = torch.autograd.grad(loss.mean(), estimates, retain_graph=True)
        B = len(scoring.fake[0].active)
        weights, ratio = self.balance.weights(reconstruction[:B], gradient[:B])  # (S,), (S,)
        log["gradient_ratio"] = ratio
        return rearrange(weights, "s -> s 1 1") * gradient

    def _generator_loss(self, scoring: Scoring, log: dict[str, Tensor]) -> Tensor:
        """What the discriminators say against the estimates, (S,): the gradient of which is
        balanced.
        """
        settings = self.settings
        loss = separation_loss(
            scoring.fake, settings.labels, settings.objective, scoring.real
        )  # (S,)
        log["loss/adversarial"] = loss.detach()
        if settings.feature_matching:
            matching = feature_matching(scoring.real[0], scoring.fake[0])  # (S,)
            log["loss/feature_matching"] = matching.detach()
            loss = loss + settings.feature_matching * matching
        return loss

    def backward(self, scoring: Scoring, step: int, log: dict[str, Tensor]) -> None:
        """Gradients of the discriminators' weights, where they update, and of nothing else."""
        labels, objective = self.settings.labels, self.settings.objective
        loss = discriminator_loss(scoring.real, scoring.fake, labels, objective)  # (S,)
        log["loss/discriminator"] = loss.detach()
        if self.probability is not None:
            log["augmentation_probability"] = self.probability.values.to(loss.device)
            self.probability.add(scoring.real)
        if self.updates(step):
            loss = loss + self._penalties(scoring, step, log)
            weights = list(self.discriminator.network.parameters())
            self.accelerator.backward(loss.mean(), inputs=weights)
        for name, scored in (("real", scoring.real[0]), ("estimate", scoring.fake[0])):
            active, scores = scored.active, scored.output.scores().detach()  # (B, S)
            log[f"score/{name}"] = (scores * active).sum(0) / active.sum(0).clamp_min(1)  # (S,)

    def _penalties(self, scoring: Scoring, step: int, log: dict[str, Tensor]) -> Tensor:
        """What is added to the discriminators' loss, weighted: (S,), or 0 without any penalty."""
        total = torch.zeros(())
        if self.usual_scores is not None:
            penalty = self.usual_scores.penalty(scoring.real, scoring.fake)  # (S,)
            log["loss/lecam"] = penalty.detach()
            total = total + penalty
        r1, r2 = self._gradient_penalties(step)
        for name, weight, scored, given in (
            ("r1", r1, scoring.real, scoring.inputs_real),
            ("r2", r2, scoring.fake, scoring.inputs_fake),
        ):
            if weight:
                penalty = weight * gradient_penalty(scored, given)  # (S,)
                log[f"loss/{name}"] = penalty.detach()
                total = total + penalty
        return total

    def _gradient_penalties(self, step: int) -> tuple[float, float]:
        """The weights of R1 and R2 in this step."""
        settings = self.settings.gradient_penalty
        return (0.0, 0.0) if settings is None else settings.weights(step)

    def move(self, step: int, loss: Tensor) -> dict[str, Tensor]:
        """What their part of a step ends with: their own step, where they update; values to log.

        loss: (S,), the mean of the micro-batches. Raises NonFiniteError as `Player.move`.
        """
        if self.acts(step):
            self.balance.end_step()
        if self.probability is not None:
            self.probability.end_step()
        if not self.updates(step):
            return {}
        if self.usual_scores is not None:
            self.usual_scores.end_step()
        norm = self.discriminator.move(self.accelerator, step, loss)
        return {"gradient_norm/discriminator": norm}

    def state_dict(self) -> dict[str, Any]:
        """All that lasts from step to step but the player's weights and optimiser."""
        return {name: part.state_dict() for name, part in self._lasting().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._lasting().items():
            part.load_state_dict(state[name])

    def _lasting(self) -> dict[str, GradientBalance | UsualScores | AdaptiveProbability]:
        """What has a state, by the name of its setting."""
        parts = {
            "balance": self.balance,
            "lecam": self.usual_scores,
            "augmentation": self.probability,
        }
        return {name: part for name, part in parts.items() if part is not None}
