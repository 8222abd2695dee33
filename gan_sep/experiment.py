"""What one experiment is: the root of the configuration tree and its plain sections."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from gan_sep.audio import AudioFormat
from gan_sep.augment import Augmentation
from gan_sep.config import Component
from gan_sep.data.base import DataConfig
from gan_sep.data.unpaired import Unpaired
from gan_sep.discriminators.augmentation import JudgedAugmentation
from gan_sep.discriminators.base import DiscriminatorConfig
from gan_sep.discriminators.instance_noise import InstanceNoise
from gan_sep.evaluation.evaluate import EvaluationSettings
from gan_sep.evaluation.pairing import BOUNDS
from gan_sep.generators.base import GeneratorConfig
from gan_sep.losses import l1
from gan_sep.losses.adversarial import Labels, Objective
from gan_sep.losses.base import ReconstructionConfig
from gan_sep.losses.penalties import GradientPenalty, LeCam
from gan_sep.optimizers import adam
from gan_sep.optimizers.base import OptimizerConfig

__all__ = ["Adversarial", "AudioFormat", "Diagnosis", "ExperimentConfig", "Training"]

Arm = Literal["plain", "gan"]

# Names of arms become parts of folder names and of rows, where some already mean something else.
ARM_NAME = r"[A-Za-z0-9_-]+"
RESERVED_NAMES = ("plain", "gan", "reference", *BOUNDS)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Adversarial:
    """The generator's adversarial term and the discriminators' training.

    objective: what the judges are trained to say, see `gan_sep.losses.adversarial`. gamma weighs
    the adversarial loss against reconstruction, so that what it does depends on that loss's scale;
    or balance, instead, holds the ratio of their gradient norms at the generator's output, per
    source, at that value, whatever the loss: exactly one is set. feature_matching is the weight of
    that term beside the adversarial loss, before both are weighed.

    The generator learns from reconstruction alone for warmup_steps; the discriminators begin to
    learn head_start_steps before that ends, and then move in each step with update_probability;
    gradient_penalty and lecam are added to their loss, null for neither.

    They hear a crop of judged_seconds of each segment, at a place drawn anew in each step, or with
    null all of it; balance weighs the gradients of whole segments all the same. What they would
    hear of a source is kept from them where it lies below silence_db (RMS, dB full scale); null
    keeps nothing from them. level_normalisation divides what they hear by its RMS, silence_db being
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
    gradient_penalty: GradientPenalty | None = None
    lecam: LeCam | None = None
    silence_db: float | None = -60.0
    judged_seconds: float | None = None
    level_normalisation: bool = False
    augmentation: JudgedAugmentation | None = None
    instance_noise: InstanceNoise | None = None
    labels: Labels = field(default_factory=Labels)
    optimizer: adam.Config = field(default_factory=lambda: adam.Config(lr=2e-4, betas=(0.5, 0.9)))

    def __post_init__(self) -> None:
        _require(
            (self.gamma is None) != (self.balance is None),
            f"gamma: expected either gamma or balance, the other null, got gamma {self.gamma} and "
            f"balance {self.balance}",
        )
        for name in ("gamma", "balance", "feature_matching"):
            value = getattr(self, name)
            _require(value is None or value >= 0, f"{name}: expected >= 0, got {value}")
        _require(
            0 <= self.balance_decay < 1, f"balance_decay: expected [0, 1), got {self.balance_decay}"
        )
        _require(
            0 < self.update_probability <= 1,
            f"update_probability: expected above 0 and at most 1, got {self.update_probability}",
        )
        _require(self.warmup_steps >= 0, f"warmup_steps: expected >= 0, got {self.warmup_steps}")
        _require(
            0 <= self.head_start_steps <= self.warmup_steps,
            f"head_start_steps: expected between 0 and warmup_steps ({self.warmup_steps}), "
            f"got {self.head_start_steps}",
        )
        _require(
            not self.level_normalisation or self.silence_db is not None,
            "level_normalisation: expected silence_db to be the floor, got silence_db null",
        )
        adaptive = self.augmentation is not None and self.augmentation.target is not None
        _require(
            not adaptive or self.objective != "relativistic",
            "augmentation.target: expected null with objective relativistic, whose judges have no "
            "threshold that r_t could be counted by; set augmentation.probability instead",
        )
        noise, first = self.instance_noise, self.first_discriminator_step
        _require(
            noise is None or noise.until_step > first,
            f"instance_noise.until_step: expected after step {first}, in which the discriminators "
            f"begin to learn, got {noise and noise.until_step}",
        )
        seconds = self.judged_seconds
        _require(
            seconds is None or seconds > 0, f"judged_seconds: expected > 0 or null, got {seconds}"
        )

    @property
    def first_discriminator_step(self) -> int:
        """The step, counted from 0, in which the discriminators begin to learn."""
        return self.warmup_steps - self.head_start_steps


@dataclass(frozen=True)
class Diagnosis:
    """Every `every` steps the discriminators are questioned on `segments` segments of each kind."""

    every: int = 500
    segments: int = 64

    def __post_init__(self) -> None:
        _require(self.every >= 1, f"every: expected >= 1, got {self.every}")
        _require(self.segments >= 2, f"segments: expected >= 2, got {self.segments}")


@dataclass(frozen=True)
class Training:
    """How long and on what: batch_size counts segments of one optimiser step over all processes.

    precision null takes the launcher's; ema_decay null evaluates the raw weights; `select` is the
    validation metric whose mean over sources keeps the best weights; *_every count optimiser steps.
    workers are threads that read ahead, 0 reads in the training's own. threads null computes on all
    CPU cores; a fixed number gives a seed the same numbers on machines with more or fewer of them.
    """

    steps: int = 1000
    batch_size: int = 8
    segment_seconds: float = 3.0
    accumulation: int = 1
    precision: Literal["fp32", "bf16"] | None = None
    ema_decay: float | None = 0.999
    select: Literal["sdr", "usdr"] = "usdr"
    log_every: int = 10
    validate_every: int = 500
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    workers: int = 2
    threads: int | None = None

    def __post_init__(self) -> None:
        counts = ("steps", "batch_size", "accumulation", "log_every", "validate_every")
        for name in (*counts, "checkpoint_every", "keep_checkpoints"):
            _require(getattr(self, name) >= 1, f"{name}: expected >= 1, got {getattr(self, name)}")
        _require(self.workers >= 0, f"workers: expected >= 0, got {self.workers}")
        threads = self.threads
        _require(threads is None or threads >= 1, f"threads: expected >= 1 or null, got {threads}")
        _require(
            self.segment_seconds > 0, f"segment_seconds: expected > 0, got {self.segment_seconds}"
        )
        decay = self.ema_decay
        _require(
            decay is None or 0 <= decay < 1, f"ema_decay: expected [0, 1) or null, got {decay}"
        )
        _require(
            self.batch_size % self.accumulation == 0,
            f"accumulation: expected a divisor of batch_size ({self.batch_size}), "
            f"got {self.accumulation}",
        )


@dataclass(frozen=True)
class ExperimentConfig:
    """One experiment: the plain baseline, its GAN twin, or both, of one seed.

    name names the folder below `runs`; question opens the report. label names a single arm in
    folders and rows where several of its kind, plain or gan, are compared.
    """

    name: str
    data: Annotated[DataConfig, Component("data")]
    generator: Annotated[GeneratorConfig, Component("generators")]
    discriminator: Annotated[DiscriminatorConfig, Component("discriminators")] | None = None
    reconstruction: Annotated[ReconstructionConfig, Component("losses")] = field(
        default_factory=l1.Config
    )
    question: str | None = None
    seed: int = 0
    runs: Path = Path("runs")
    arms: tuple[Arm, ...] = ("plain", "gan")
    label: str | None = None
    audio: AudioFormat = field(default_factory=AudioFormat)
    unpaired: Unpaired | None = None
    augment: Augmentation = field(default_factory=Augmentation)
    optimizer: Annotated[OptimizerConfig, Component("optimizers", default="adam")] = field(
        default_factory=adam.Config
    )
    adversarial: Adversarial = field(default_factory=Adversarial)
    training: Training = field(default_factory=Training)
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        _require(self.seed >= 0, f"seed: expected >= 0, got {self.seed}")
        valid_name = bool(self.name) and Path(self.name).name == self.name and self.name[0] != "."
        _require(valid_name, f"name: expected the plain name of a folder, got {self.name!r}")
        _require(
            bool(self.arms) and len(set(self.arms)) == len(self.arms),
            f"arms: expected plain, gan or both, got {list(self.arms)}",
        )
        self._check_label()
        self._check_judged_seconds()
        _require(
            self.discriminator is not None or "gan" not in self.arms,
            "discriminator: missing value: the gan arm needs one (or say arms: [plain])",
        )
        _require(
            self.adversarial.warmup_steps < self.training.steps or "gan" not in self.arms,
            f"adversarial.warmup_steps: expected less than training.steps ({self.training.steps}), "
            f"got {self.adversarial.warmup_steps}: the discriminators would never act",
        )
        _require(
            not self.optimizer.line_search or "gan" not in self.arms,
            "optimizer.name: expected one without a line search (adam) in the gan arm, got one "
            "with it: the gradients that adversarial.balance or gamma weighs add up to that of no "
            "loss which it could follow; say arms: [plain]",
        )
        noise = self.adversarial.instance_noise
        _require(
            noise is None or noise.until_step <= self.training.steps or "gan" not in self.arms,
            f"adversarial.instance_noise.until_step: expected at most training.steps "
            f"({self.training.steps}), got {noise and noise.until_step}: the judges would never "
            "hear well",
        )
        group, micro = (
            self.augment.remix_group,
            self.training.batch_size // self.training.accumulation,
        )
        _require(
            not group or micro % group == 0,
            f"augment.remix_group: expected a divisor of the {micro} segments of one pass "
            f"(training.batch_size / accumulation), got {group}",
        )

    def _check_label(self) -> None:
        label = self.label
        if label is None:
            return
        _require(
            re.fullmatch(ARM_NAME, label) is not None and label not in RESERVED_NAMES,
            "label: expected letters, digits, _ and -, and none of "
            f"{', '.join(RESERVED_NAMES)}, got {label!r}",
        )
        _require(
            len(self.arms) == 1,
            f"label: expected a single arm to name {label!r}, got {list(self.arms)}; "
            "say arms: [plain] or arms: [gan]",
        )

    def _check_judged_seconds(self) -> None:
        seconds, longest = self.adversarial.judged_seconds, self.training.segment_seconds
        if seconds is None:
            return
        _require(
            seconds <= longest,
            "adversarial.judged_seconds: expected at most training.segment_seconds "
            f"({longest}), got {seconds}",
        )
        window = 1 if self.discriminator is None else self.discriminator.window
        _require(
            self.audio.samples(seconds) >= window,
            f"adversarial.judged_seconds: expected at least {window / self.audio.sample_rate:.3g}, "
            f"the {window} samples of the discriminator's window, got {seconds}; judge longer "
            "crops, or choose shorter windows below discriminator",
        )

    def arm(self, arm: Arm) -> "ExperimentConfig":
        """One of the two twins: the plain one is this experiment with `discriminator: null`."""
        discriminator = self.discriminator if arm == "gan" else None
        label = self.label if arm in self.arms else None
        return replace(self, arms=(arm,), label=label, discriminator=discriminator)

    def arm_name(self, arm: Arm) -> str:
        """What an arm is called in folders and rows: its label, or plain, or gan."""
        return self.label if self.label and arm in self.arms else arm

    @property
    def folder(self) -> Path:
        """Where the experiment of this name writes: one folder per seed and arm below it."""
        return self.runs / self.name

    def arm_folder(self, arm: Arm) -> Path:
        """Where one arm writes its configuration, records, checkpoints and evaluation."""
        return self.folder / f"seed{self.seed}-{self.arm_name(arm)}"

    def arm_rows(self, arm: Arm) -> Path:
        """The rows of an arm's evaluation on the test tracks."""
        return self.arm_folder(arm) / "evaluation" / "test" / "rows.csv"
