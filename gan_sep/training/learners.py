"""All that learns in an arm: the generator, its running average, and the discriminators."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.balancer import Balancer
from gan_sep.config.run import RunConfig, Start
from gan_sep.losses.base import WeightedLosses
from gan_sep.optimizers.schedules import constant
from gan_sep.optimizers.schedules.base import Progress
from gan_sep.training.batch import Batch
from gan_sep.training.ema import averaged, averaged_by_epoch
from gan_sep.training.player import Player
from gan_sep.training.start import Taken, load_weights
from gan_sep.training.step import ADVERSARIAL, TrainingStep


class Learners:
    """The networks of an arm as its seed draws them, on the accelerator's device; `step` by step.

    adversary: the discriminators and their side of the step, None in the plain arm.
    """

    def __init__(self, config: RunConfig, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.steps = config.training.steps
        self.scores: list[float] = []  # of every validation so far
        # Each network has its own seed, so that a plain run and its counterpart start equal.
        torch.manual_seed(config.seed)
        generator = config.generator.build(config.audio)
        # Copied before Accelerate wraps its forward, so that the average stays a plain network.
        decay = config.training.ema_decay
        self.average = averaged(generator.to(accelerator.device), decay) if decay else None
        decay = config.training.epoch_ema_decay
        self.epoch_average = averaged_by_epoch(generator, decay) if decay is not None else None
        self.generator = Player.prepared("generator", generator, config.optimizer, accelerator)
        self.adversary = None
        if config.discriminator is not None:
            torch.manual_seed(config.seed + 1)
            network = config.discriminator.build(config.audio)
            settings = config.adversarial
            discriminator = Player.prepared(
                "discriminator", network, settings.optimizer, accelerator
            )
            self.adversary = Adversary(
                discriminator, settings, config.audio, config.seed, accelerator
            )
        # Other draws from torch's random state must not depend on how many networks were built.
        torch.manual_seed(config.seed + 2 + accelerator.process_index)
        losses = WeightedLosses.of(config.losses, config.audio, accelerator.device)
        shares = losses.shares()
        if self.adversary is not None:
            shares[ADVERSARIAL] = config.adversarial.share
        self.balancer = Balancer(shares, len(config.audio.sources), accelerator)
        self.training_step = TrainingStep(
            accelerator,
            self.generator,
            self.adversary,
            losses,
            self.balancer,
            config.training.frozen_steps,
            config.training.singular_values,
        )

    def step(self, micro_batches: Sequence[Batch], step: int) -> dict[str, Tensor]:
        """One optimizer step of every network, see `TrainingStep`, and what it logs."""
        rates = self._set_rates(Progress(step, self.steps, self.scores))
        log = self.training_step(micro_batches, step) | rates
        if self.average is not None:
            self.average.update_parameters(self.accelerator.unwrap_model(self.generator.network))
        return log

    def end_epoch(self) -> None:
        """Feed the average that is fed once for each validation, before it."""
        if self.epoch_average is not None:
            raw = self.accelerator.unwrap_model(self.generator.network)
            self.epoch_average.update_parameters(raw)

    @property
    def candidates(self) -> list[nn.Module]:
        """The networks that a validation chooses from."""
        if self.epoch_average is None:
            return [self.evaluated_network]
        return [self.evaluated_network, self.epoch_average.module]

    @property
    def parameters(self) -> int:
        """How many numbers the generator learns."""
        return sum(parameter.numel() for parameter in self.generator.network.parameters())

    @property
    def evaluated_network(self) -> nn.Module:
        """The generator that validation and evaluation use: the average, where there is one."""
        if self.average is not None:
            network: nn.Module = self.average.module
            return network
        raw: nn.Module = self.accelerator.unwrap_model(self.generator.network)
        return raw

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimizers, and what the adversary remembers; tensors on their device."""
        return {
            "players": {player.name: self._player_state(player) for player in self._players()},
            "scores": list(self.scores),
            "average": _state(self.average),
            "epoch_average": _state(self.epoch_average),
            "adversary": self.adversary.state_dict() if self.adversary is not None else None,
            "balancer": self.balancer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state_dict` gave, here or in a plain run, which has no adversary."""
        for player in self._players():
            # A trunk has no discriminators.
            if player is self.generator or state["adversary"] is not None:
                saved = state["players"][player.name]
                self.accelerator.unwrap_model(player.network).load_state_dict(saved["network"])
                player.optimizer.load_state_dict(saved["optimizer"])
                for group in player.optimizer.param_groups:  # that of another run may be different
                    group["lr"] = player.settings.lr
        self.scores = list(state["scores"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        # A trunk may have had none; the first weights that it is fed are then all that counts.
        if self.epoch_average is not None and state.get("epoch_average") is not None:
            self.epoch_average.load_state_dict(state["epoch_average"])
        if self.adversary is not None and state["adversary"] is not None:
            self.adversary.load_state_dict(state["adversary"])
        self.balancer.load_state_dict(state["balancer"])

    def begin_with(self, weights: Mapping[str, Tensor], start: Start) -> Taken:
        """Give the generator weights made elsewhere -> which were taken and which were not.

        Raises CheckpointError as `load_weights`.
        """
        network = self.accelerator.unwrap_model(self.generator.network)
        taken = load_weights(network, weights, start)
        if self.average is not None:
            self.average.module.load_state_dict(network.state_dict())
        return taken

    def _set_rates(self, progress: Progress) -> dict[str, Tensor]:
        """Give every optimizer the learning rate of the step that comes next; what to log of it."""
        log = {}
        for player in self._players():
            if player.settings.schedule != constant.Config():
                rate = player.settings.lr * player.settings.schedule.factor(progress)
                for group in player.optimizer.param_groups:
                    group["lr"] = rate
                log[f"learning_rate/{player.name}"] = torch.tensor(rate)
        return log

    def _players(self) -> list[Player]:
        players = [self.generator]
        if self.adversary is not None:
            players.append(self.adversary.discriminator)
        return players

    def _player_state(self, player: Player) -> dict[str, Any]:
        network = self.accelerator.unwrap_model(player.network)
        return {"network": network.state_dict(), "optimizer": player.optimizer.state_dict()}


def _state(average: AveragedModel | None) -> dict[str, Any] | None:
    return None if average is None else average.state_dict()
