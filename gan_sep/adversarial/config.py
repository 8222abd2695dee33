"""The section `adversarial`: how the two players learn from each other, and every remedy."""

from dataclasses import dataclass, field
from typing import Annotated

from gan_sep.adversarial.augmentation import InputAugmentation
from gan_sep.adversarial.balancer import Share
from gan_sep.adversarial.instance_noise import InstanceNoise
from gan_sep.adversarial.objectives import least_squares
from gan_sep.adversarial.objectives.base import Objective
from gan_sep.adversarial.regularizers.base import RegularizerConfig
from gan_sep.config.loader import Component, require
from gan_sep.optimizers import adam
from gan_sep.ranges import SHORTEST_SECONDS, at_least, below_one

ObjectiveSection = Annotated[Objective, Component("adversarial/objectives", "least_squares")]
RegularizerSection = Annotated[RegularizerConfig, Component("adversarial/regularizers")]


@dataclass(frozen=True)
class Adversarial:
    """The generator's adversarial term and the discriminators' training.

    The published method gives none of these numbers: they are this project's choice, and the
    reports measure it.
    """

    # What the discriminators are trained to say.
    objective: ObjectiveSection = field(default_factory=least_squares.Config)
    gamma: float | None = None  # weight of the adversarial loss; exactly one of gamma and balance
    # Instead of gamma: the ratio of the adversarial gradient's norm to the reconstruction
    # gradient's, at the estimates, for each source, whatever the losses' scales.
    balance: float | None = 0.2
    balance_decay: float = 0.99  # of the running means of the norms that balance compares
    feature_matching: float = 0.0  # its weight beside the adversarial loss, before both are weighed
    warmup_steps: int = 0  # first steps, in which the generator learns from reconstruction alone
    head_start_steps: int = 0  # how long before their end the discriminators begin to learn
    update_probability: float = 1.0  # of a step of the discriminators
    frozen: bool = False  # they stay as drawn: the control that shows what learning is worth
    regularizers: tuple[RegularizerSection, ...] = ()  # terms added to the discriminators' loss
    silence_db: float | None = -60.0  # RMS, dB full scale, below which a source does not count
    # They are given a crop of so many seconds, at a new place in each step; null: whole segments.
    crop_seconds: float | None = None
    level_normalisation: bool = False  # divides their input by its RMS, silence_db being the floor
    augmentation: InputAugmentation | None = None  # changes their input at random
    instance_noise: InstanceNoise | None = None  # is added to their input
    # Of the discriminators.
    optimizer: adam.Config = field(default_factory=lambda: adam.Config(lr=2e-4, betas=(0.5, 0.9)))

    def __post_init__(self) -> None:
        self._check_weights()
        self._check_steps()
        self._check_input()
        if self.frozen:
            self._check_frozen()

    def _check_weights(self) -> None:
        require(
            (self.gamma is None) != (self.balance is None),
            f"gamma: expected either gamma or balance, the other null, got gamma {self.gamma} and "
            f"balance {self.balance}",
        )
        at_least(0, self, "gamma", "balance", "feature_matching")
        below_one(self, "balance_decay")

    def _check_steps(self) -> None:
        probability, warmup = self.update_probability, self.warmup_steps
        require(
            0 < probability <= 1,
            f"update_probability: expected above 0 and at most 1, got {probability}",
        )
        at_least(0, self, "warmup_steps")
        require(
            0 <= self.head_start_steps <= warmup,
            f"head_start_steps: expected between 0 and warmup_steps ({warmup}), "
            f"got {self.head_start_steps}",
        )
        noise, first = self.instance_noise, self.first_discriminator_step
        if noise is not None:
            require(
                noise.until_step > first,
                f"instance_noise.until_step: expected after step {first}, in which the "
                f"discriminators begin to learn, got {noise.until_step}",
            )

    def _check_input(self) -> None:
        at_least(SHORTEST_SECONDS, self, "crop_seconds")
        require(
            not self.level_normalisation or self.silence_db is not None,
            "level_normalisation: expected silence_db to be the floor, got silence_db null",
        )
        adaptive = self.augmentation is not None and self.augmentation.target is not None
        require(
            not adaptive or self.objective.has_threshold,
            "augmentation.target: expected null with objective relativistic, whose scores have no "
            "threshold that r_t could be counted by; set augmentation.probability instead",
        )

    def _check_frozen(self) -> None:
        adaptive = self.augmentation is not None and self.augmentation.target is not None
        idle = {
            "regularizers": bool(self.regularizers),
            "update_probability": self.update_probability != 1,
            "augmentation.target": adaptive,
        }
        for name, said in idle.items():
            require(
                not said,
                f"{name}: expected none with adversarial.frozen: true, whose discriminators never "
                "learn",
            )

    def check_training(self, steps: int) -> None:
        """Raises ValueError, naming the key, where something would not happen in so many steps."""
        require(
            self.warmup_steps < steps,
            f"adversarial.warmup_steps: expected less than training.steps ({steps}), "
            f"got {self.warmup_steps}: the discriminators would never act",
        )
        if self.instance_noise is not None:
            until = self.instance_noise.until_step
            require(
                until <= steps,
                f"adversarial.instance_noise.until_step: expected at most training.steps "
                f"({steps}), got {until}: the noise would never be gone",
            )
        for number, regularizer in enumerate(self.regularizers):
            try:
                regularizer.check_training(self.first_discriminator_step, steps)
            except ValueError as error:
                raise ValueError(f"adversarial.regularizers[{number}].{error}") from error

    @property
    def share(self) -> Share:
        """Of the adversarial gradient in the whole."""
        return Share(self.gamma, self.balance, self.balance_decay)

    @property
    def first_discriminator_step(self) -> int:
        """The step, counted from 0, in which the discriminators begin to learn."""
        return self.warmup_steps - self.head_start_steps
