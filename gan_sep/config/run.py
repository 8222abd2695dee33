"""What one experiment is: the root of the configuration tree and its plain sections."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from gan_sep.adversarial.config import Adversarial
from gan_sep.audio import AudioFormat
from gan_sep.augment import Augmentation
from gan_sep.config.loader import Component, require
from gan_sep.data.base import DataConfig, Split
from gan_sep.data.unpaired import Unpaired
from gan_sep.discriminators.base import DiscriminatorConfig
from gan_sep.evaluation.evaluate import EvaluationSettings
from gan_sep.generators.base import GeneratorConfig
from gan_sep.losses import l1_time
from gan_sep.losses.base import Loss, check_terms
from gan_sep.optimizers import adam
from gan_sep.optimizers.base import OptimizerConfig
from gan_sep.statistics.pairing import BOUNDS

__all__ = ["Adversarial", "AudioFormat", "Diagnosis", "RunConfig", "Training"]

Arm = Literal["plain", "gan"]
LossTerm = Annotated[Loss, Component("losses", aliases=(("l1", "l1_time"),))]

# Names of arms become parts of folder names and of rows, where some already mean something else.
ARM_NAME = r"[A-Za-z0-9_-]+"
RESERVED_NAMES = ("plain", "gan", "reference", *BOUNDS)


@dataclass(frozen=True)
class Diagnosis:
    """Every `every` steps the discriminators are questioned on `segments` segments of each kind."""

    every: int = 500
    segments: int = 64

    def __post_init__(self) -> None:
        require(self.every >= 1, f"every: expected >= 1, got {self.every}")
        require(self.segments >= 2, f"segments: expected >= 2, got {self.segments}")


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
    # Who is told losses and scores while training, beside records.jsonl.
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)

    def __post_init__(self) -> None:
        counts = ("steps", "batch_size", "accumulation", "log_every", "validate_every")
        for name in (*counts, "checkpoint_every", "keep_checkpoints"):
            require(getattr(self, name) >= 1, f"{name}: expected >= 1, got {getattr(self, name)}")
        require(self.workers >= 0, f"workers: expected >= 0, got {self.workers}")
        threads = self.threads
        require(threads is None or threads >= 1, f"threads: expected >= 1 or null, got {threads}")
        require(
            self.segment_seconds > 0, f"segment_seconds: expected > 0, got {self.segment_seconds}"
        )
        distinct = len(set(self.trackers)) == len(self.trackers)
        require(distinct, f"trackers: expected each once, got {list(self.trackers)}")
        decay = self.ema_decay
        require(decay is None or 0 <= decay < 1, f"ema_decay: expected [0, 1) or null, got {decay}")
        require(
            self.batch_size % self.accumulation == 0,
            f"accumulation: expected a divisor of batch_size ({self.batch_size}), "
            f"got {self.accumulation}",
        )


@dataclass(frozen=True)
class RunConfig:
    """One experiment: the plain baseline, its GAN twin, or both, of one seed.

    name names the folder below `runs`; question opens the report. label names a single arm in
    folders and rows where several of its kind, plain or gan, are compared.
    """

    name: str
    data: Annotated[DataConfig, Component("data")]
    generator: Annotated[GeneratorConfig, Component("generators")]
    discriminator: Annotated[DiscriminatorConfig, Component("discriminators")] | None = None
    # The reconstruction loss is the weighted sum of these.
    losses: tuple[LossTerm, ...] = field(default_factory=lambda: (l1_time.Config(),))
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
        require(self.seed >= 0, f"seed: expected >= 0, got {self.seed}")
        valid_name = bool(self.name) and Path(self.name).name == self.name and self.name[0] != "."
        require(valid_name, f"name: expected the plain name of a folder, got {self.name!r}")
        require(
            bool(self.arms) and len(set(self.arms)) == len(self.arms),
            f"arms: expected plain, gan or both, got {list(self.arms)}",
        )
        check_terms(self.losses, self.audio.sources)
        self._check_label()
        self._check_judged_seconds()
        if "gan" in self.arms:
            self._check_gan_arm()
        group, micro = (
            self.augment.remix_group,
            self.training.batch_size // self.training.accumulation,
        )
        require(
            not group or micro % group == 0,
            f"augment.remix_group: expected a divisor of the {micro} segments of one pass "
            f"(training.batch_size / accumulation), got {group}",
        )

    def _check_label(self) -> None:
        label = self.label
        if label is None:
            return
        require(
            re.fullmatch(ARM_NAME, label) is not None and label not in RESERVED_NAMES,
            "label: expected letters, digits, _ and -, and none of "
            f"{', '.join(RESERVED_NAMES)}, got {label!r}",
        )
        require(
            len(self.arms) == 1,
            f"label: expected a single arm to name {label!r}, got {list(self.arms)}; "
            "say arms: [plain] or arms: [gan]",
        )

    def _check_gan_arm(self) -> None:
        require(
            self.discriminator is not None,
            "discriminator: missing value: the gan arm needs one (or say arms: [plain])",
        )
        require(
            not self.optimizer.line_search,
            "optimizer.name: expected one without a line search (adam) in the gan arm, got one "
            "with it: the gradients that adversarial.balance or gamma weighs add up to that of no "
            "loss which it could follow; say arms: [plain]",
        )
        self.adversarial.check_training(self.training.steps)

    def _check_judged_seconds(self) -> None:
        seconds, longest = self.adversarial.judged_seconds, self.training.segment_seconds
        if seconds is None:
            return
        require(
            seconds <= longest,
            "adversarial.judged_seconds: expected at most training.segment_seconds "
            f"({longest}), got {seconds}",
        )
        window = 1 if self.discriminator is None else self.discriminator.window
        require(
            self.audio.samples(seconds) >= window,
            f"adversarial.judged_seconds: expected at least {window / self.audio.sample_rate:.3g}, "
            f"the {window} samples of the discriminator's window, got {seconds}; judge longer "
            "crops, or choose shorter windows below discriminator",
        )

    def arm(self, arm: Arm) -> "RunConfig":
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

    def arm_rows(self, arm: Arm, split: Split = "test") -> Path:
        """The rows of an arm's evaluation on the tracks of a split."""
        return self.arm_folder(arm) / "evaluation" / split / "rows.csv"
