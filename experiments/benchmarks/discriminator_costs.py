"""What discriminators cost: a small Demucs' training step with each, and with each switch."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from benchmarks.settings import SMALL_DISCRIMINATOR, Setting
from benchmarks.steps import arm_step
from benchmarks.table import Row, Table
from benchmarks.timing import Timings, Work, interleave, peak_memory
from gan_sep.adversarial.augmentation import InputAugmentation
from gan_sep.adversarial.instance_noise import InstanceNoise
from gan_sep.adversarial.objectives import hinge, relativistic
from gan_sep.adversarial.regularizers import lecam, r1, r2
from gan_sep.config.loader import Component
from gan_sep.config.run import Adversarial
from gan_sep.discriminators.base import DiscriminatorConfig

# One turn takes so many steps: a penalty in every 16th step counts by its share.
STEPS_OF_A_TURN = 16


class Variant(NamedTuple):
    """A GAN arm: its discriminator, and how it is trained."""

    discriminator: DiscriminatorConfig
    adversarial: Adversarial = Adversarial()

    def tiny(self) -> "Variant":
        """The same with a discriminator that takes no time."""
        return Variant(self.discriminator.tiny(), self.adversarial)


# A row for each switch of the section `adversarial`, all with the same discriminator.
_ADVERSARIAL = {
    "gamma": Adversarial(gamma=0.01, balance=None),
    "hinge": Adversarial(objective=hinge.Config()),
    "relativistic": Adversarial(objective=relativistic.Config()),
    "feature matching": Adversarial(feature_matching=1.0),
    "half of the updates": Adversarial(update_probability=0.5),
    "R1": Adversarial(regularizers=(r1.Config(),)),
    "R1 and R2": Adversarial(regularizers=(r1.Config(), r2.Config())),
    "LeCam": Adversarial(regularizers=(lecam.Config(),)),
    "one level": Adversarial(level_normalisation=True),
    "recommended": Adversarial(balance=1.0, feature_matching=10.0),
    "augmentation": Adversarial(augmentation=InputAugmentation(probability=0.2, target=None)),
    "instance noise": Adversarial(instance_noise=InstanceNoise(until_step=1_000_000)),
}
SWITCHES: Mapping[str, Variant] = {
    "small spectrogram": Variant(SMALL_DISCRIMINATOR),
    "small spectrogram, conditioned": Variant(replace(SMALL_DISCRIMINATOR, conditioned=True)),
    "small spectrogram, spectral norm": Variant(replace(SMALL_DISCRIMINATOR, spectral_norm=True)),
} | {
    f"small spectrogram, {name}": Variant(SMALL_DISCRIMINATOR, a)
    for name, a in _ADVERSARIAL.items()
}


def variants() -> dict[str, Variant]:
    """Every file of gan_sep/discriminators at its default, by its file's name; the switches."""
    component = Component("discriminators")
    defaults = {name: Variant(component.config_class(name)()) for name in component.names()}
    return defaults | dict(SWITCHES)


def discriminator_costs(
    setting: Setting, compared: Mapping[str, Variant], rounds: int, device: torch.device
) -> Table:
    """The step of the setting's generator with each variant's discriminator over its plain step.

    The setting's own discriminator plays no part.
    """
    builders: dict[str, Callable[[], Work]] = {
        name: partial(_turn, _trained(setting, variant), device, gan=True)
        for name, variant in compared.items()
    }
    builders["plain"] = partial(_turn, setting, device, gan=False)
    memory = {name: peak_memory(build, device) for name, build in builders.items()}
    timings = interleave({name: build() for name, build in builders.items()}, rounds, device)
    rows = [
        _row(name, discriminator_parameters(setting, variant), timings, memory)
        for name, variant in compared.items()
    ]
    remark = (
        f"The whole step of {setting}; plain: {timings.median('plain') / STEPS_OF_A_TURN:.3g} s, "
        f"{memory['plain']:.0f} MiB. All arms in turns of {STEPS_OF_A_TURN} steps. A small "
        "spectrogram discriminator is that of the small configurations."
    )
    return Table("Step with each discriminator", rows, remark)


def discriminator_parameters(setting: Setting, variant: Variant) -> int:
    """Parameters of one source's discriminator: every source has one, all alike."""
    network = variant.discriminator.build(setting.audio)
    return sum(p.numel() for p in network.parameters()) // len(setting.audio.sources)


def _row(name: str, parameters: int, timings: Timings, memory: Mapping[str, float]) -> Row:
    return {
        "discriminator": name,
        "parameters of a discriminator": str(parameters),
        "gan, s": timings.median(name) / STEPS_OF_A_TURN,
        "time gan / plain": timings.ratio(name, "plain"),
        "gan, MiB": memory[name],
        "memory gan / plain": memory[name] / memory["plain"],
    }


def _trained(setting: Setting, variant: Variant) -> Setting:
    return replace(setting, discriminator=variant.discriminator, adversarial=variant.adversarial)


def _turn(setting: Setting, device: torch.device, gan: bool) -> Work:
    """Several steps of an arm."""
    step = arm_step(setting, device, gan)

    def turn() -> None:
        for _ in range(STEPS_OF_A_TURN):
            step()

    return turn
