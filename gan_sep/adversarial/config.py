"""The section `adversarial`: how the two players learn from each other, and every remedy."""

from dataclasses import dataclass, field

from gan_sep.adversarial.augmentation import InputAugmentation
from gan_sep.adversarial.instance_noise import InstanceNoise
from gan_sep.adversarial.objectives import Labels, Objective
from gan_sep.adversarial.regularizers import GradientPenalty, LeCam
from gan_sep.config.loader import require
from gan_sep.optimizers import adam


@dataclass(frozen=True)
class Adversarial:
    """The generator's adversarial term and the discriminators' training.

    objective: what the discriminators are trained to say, see gan_sep.adversarial.objectives. gamma
    weighs the adversarial loss against reconstruction, so that what it does depends on that loss's
    scale; or balance, instead, holds the ratio of their gradient norms at the generator's output,
    per source, at that value, whatever the loss: exactly one is set. feature_matching is the weight
    of that term beside the adversarial loss, before both are weighed.

    The generator learns from reconstruction alone for warmup_steps; the discriminators begin to
    learn head_start_steps before that ends, and then move in each step with update_probability;
    gradient_penalty and lecam are added to their loss, null for neither. frozen keeps them as they
    were drawn, random features: the control that shows what their learning is worth.

    They get a crop of crop_seconds of each segment, at a place drawn anew in each step, or with
    null all of it; balance weighs the gradients of whole segments all the same. What they would
    get of a source is kept from them where it lies below silence_db (RMS, dB full scale); null
    keeps nothing from them. level_normalisation divides what they get by its RMS, silence_db being
    the floor; augmentation changes it at random; instance_noise is added to it. The published
    method gives none of these numbers: they are this project's choice, and the reports measure it.
    """

    objective: Objective = "least_squares"
    gamma: float | None = None
    balance: float | None = 0.2
    balance_decay: float = 0.99
    feature_matching: float = 0.0
    warmup_steps: int = 0
    head_start_steps: int = 0
    update_probability: float = 1.0
    frozen: bool = False
    gradient_penalty: GradientPenalty | None = None
    lecam: LeCam | None = None
    silence_db: float | None = -60.0
    crop_seconds: float | None = None
    level_normalisation: bool = False
    augmentation: InputAugmentation | None = None
    instance_noise: InstanceNoise | None = None
    labels: Labels = field(default_factory=Labels)
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
        for name in ("gamma", "balance", "feature_matching"):
            value = getattr(self, name)
            require(value is None or value >= 0, f"{name}: expected >= 0, got {value}")
        decay = self.balance_decay
        require(0 <= decay < 1, f"balance_decay: expected [0, 1), got {decay}")

    def _check_steps(self) -> None:
        probability, warmup = self.update_probability, self.warmup_steps
        require(
            0 < probability <= 1,
            f"update_probability: expected above 0 and at most 1, got {probability}",
        )
        require(warmup >= 0, f"warmup_steps: expected >= 0, got {warmup}")
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
        seconds = self.crop_seconds
        require(
            seconds is None or seconds > 0, f"crop_seconds: expected > 0 or null, got {seconds}"
        )
        require(
            not self.level_normalisation or self.silence_db is not None,
            "level_normalisation: expected silence_db to be the floor, got silence_db null",
        )
        adaptive = self.augmentation is not None and self.augmentation.target is not None
        require(
            not adaptive or self.objective != "relativistic",
            "augmentation.target: expected null with objective relativistic, whose scores have no "
            "threshold that r_t could be counted by; set augmentation.probability instead",
        )

    def _check_frozen(self) -> None:
        adaptive = self.augmentation is not None and self.augmentation.target is not None
        idle = {
            "gradient_penalty": self.gradient_penalty is not None,
            "lecam": self.lecam is not None,
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
        if self.gradient_penalty is not None:
            every, first = self.gradient_penalty.every, self.first_discriminator_step
            require(
                first + -first % every < steps,
                f"adversarial.gradient_penalty.every: expected a multiple of it between step "
                f"{first}, in which the discriminators begin to learn, and training.steps "
                f"({steps}), got {every}: there would be no penalty",
            )

    @property
    def first_discriminator_step(self) -> int:
        """The step, counted from 0, in which the discriminators begin to learn."""
        return self.warmup_steps - self.head_start_steps
