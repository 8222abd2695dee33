"""What one run is: the root of the configuration tree and its plain sections."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from gan_sep.adversarial.config import Adversarial
from gan_sep.audio import AudioFormat
from gan_sep.augment import Augmentation
from gan_sep.config.loader import Component, require
from gan_sep.data.base import DataConfig
from gan_sep.data.unpaired import Unpaired
from gan_sep.discriminators.base import DiscriminatorConfig
from gan_sep.evaluation.evaluate import EvaluationSettings
from gan_sep.generators.base import GeneratorConfig
from gan_sep.losses import l1_time
from gan_sep.losses.base import Loss, check_terms
from gan_sep.names import plain_name
from gan_sep.optimizers import adam
from gan_sep.optimizers.base import OptimizerConfig
from gan_sep.ranges import SHORTEST_SECONDS, at_least, below_one, positive

LossTerm = Annotated[Loss, Component("losses")]
LAST = "last"  # what training.select says for the weights of the last step


@dataclass(frozen=True)
class Diagnosis:
    """How often it is measured whether the discriminators overfit, and on how much."""

    every: int = 500  # steps
    segments: int = 64  # of each kind: real and estimated, of training and of held-out tracks

    def __post_init__(self) -> None:
        at_least(1, self, "every")
        at_least(2, self, "segments")


@dataclass(frozen=True)
class SingularValues:
    """A penalty on the largest singular value of every large weight, squared: that of Demucs v3."""

    weight: float = 1e-5  # times the sum over weights
    smallest_mib: float = 1.0  # weights of fewer MiB in float32 are left alone

    def __post_init__(self) -> None:
        positive(self, "weight")
        at_least(0, self, "smallest_mib")


@dataclass(frozen=True)
class Training:
    """How long a run trains and on how much at once."""

    steps: int = 1000  # of the optimizer
    # The first of them, in which the generator keeps its weights: discriminators that are fresh can
    # learn beside a generator that is not.
    frozen_steps: int = 0
    batch_size: int = 8  # segments of one step over all processes
    segment_seconds: float = 3.0  # length of a training segment
    accumulation: int = 1  # micro-batches whose gradients make one step
    precision: Literal["fp32", "bf16"] | None = None  # null takes the launcher's
    ema_decay: float | None = 0.999  # of the averaged weights; null evaluates the raw ones
    # Of a second average, fed at each validation; each time the better of both is taken.
    epoch_ema_decay: float | None = None
    # Added to the generator's gradient; null: nothing.
    singular_values: SingularValues | None = None
    # Which weights are evaluated: those of the last step, or those whose mean over sources of a
    # validation metric was best.
    select: Literal["last", "sdr", "usdr"] = "last"
    log_every: int = 10  # steps between records of losses
    validate_every: int = 500  # steps between validations
    checkpoint_every: int = 500  # steps between checkpoints
    keep_checkpoints: int = 2  # how many of the newest stay
    keep_steps: tuple[int, ...] = ()  # steps whose checkpoints stay, for other runs to start from
    workers: int = 2  # threads that read ahead; 0 reads in the training's own
    # CPU threads; null takes all cores. A fixed number gives a seed the same numbers on machines
    # with more or fewer of them.
    threads: int | None = None
    # Who is told losses and scores while training, beside records.jsonl.
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)

    def __post_init__(self) -> None:
        at_least(1, self, "steps", "batch_size", "accumulation", "log_every", "validate_every")
        at_least(1, self, "checkpoint_every", "keep_checkpoints", "threads")
        require(
            0 <= self.frozen_steps < self.steps,
            f"frozen_steps: expected 0 or more and less than steps ({self.steps}), got "
            f"{self.frozen_steps}",
        )
        at_least(0, self, "workers")
        at_least(SHORTEST_SECONDS, self, "segment_seconds")
        distinct = len(set(self.trackers)) == len(self.trackers)
        require(distinct, f"trackers: expected each once, got {list(self.trackers)}")
        below_one(self, "ema_decay", "epoch_ema_decay")
        require(
            self.epoch_ema_decay is None or self.select != LAST,
            "select: expected sdr or usdr, by which the better average is taken, got last",
        )
        require(
            self.batch_size % self.accumulation == 0,
            f"accumulation: expected a divisor of batch_size ({self.batch_size}), "
            f"got {self.accumulation}",
        )


@dataclass(frozen=True)
class Start:
    """Another run, or a file of weights, from which a run begins."""

    run: Path | None = None  # a run's folder, such as runs/NAME/seed0-plain
    # Instead of a run, a file of weights: best.pt of a run, an export, a file or folder of the
    # package demucs (.th, .safetensors, a .yaml of one model), or hf://owner/name.
    file: Path | None = None
    step: int | None = None  # which of the run's checkpoints; null its evaluated weights
    # `weights` takes the generator's and begins at step 0; `everything` goes on from `step`, with
    # optimizers, averaged weights and records.
    take: Literal["weights", "everything"] = "weights"
    # `shapes` takes the weights whose names and shapes fit and lists the others; `strict` all, of a
    # network with the same options for the same sources, channels and rate.
    match: Literal["strict", "shapes"] = "strict"

    def __post_init__(self) -> None:
        one = (self.run is None) != (self.file is None)
        require(one, f"run: expected either run or file, got run {self.run} and file {self.file}")
        at_least(1, self, "step")
        checkpoint = self.run is not None and self.step is not None
        require(
            self.take == "weights" or checkpoint,
            "take: everything: expected the run and the step whose checkpoint to go on from",
        )
        require(self.step is None or self.run is not None, "step: expected run beside it, got file")


@dataclass(frozen=True)
class RunConfig:
    """One run: what it learns from, what it trains and how, from which seed."""

    name: str  # of the folder below `runs`; runs of one name are compared
    data: Annotated[DataConfig, Component("data")]  # the songs
    generator: Annotated[GeneratorConfig, Component("generators")]  # the separator
    # One per source; null is the plain run, trained with the reconstruction losses alone.
    discriminator: Annotated[DiscriminatorConfig, Component("discriminators")] | None = None
    # The reconstruction loss is the weighted sum of these.
    losses: tuple[LossTerm, ...] = field(default_factory=lambda: (l1_time.Config(),))
    question: str | None = None  # opens the report
    seed: int = 0  # fixes data order, augmentation and initial weights
    runs: Path = Path("runs")  # where run folders are made
    audio: AudioFormat = field(default_factory=AudioFormat)  # rate, channels, sources
    unpaired: Unpaired | None = None  # mixtures and stems for the discriminators alone
    augment: Augmentation = field(default_factory=Augmentation)  # of training segments
    # Of the generator.
    optimizer: Annotated[OptimizerConfig, Component("optimizers", default="adam")] = field(
        default_factory=adam.Config
    )
    start: Start | None = None  # where the first weights come from; null draws them from the seed
    adversarial: Adversarial = field(default_factory=Adversarial)  # how the two players learn
    training: Training = field(default_factory=Training)  # how long, on what
    diagnosis: Diagnosis = field(default_factory=Diagnosis)  # do the discriminators overfit?
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)  # what is measured

    def __post_init__(self) -> None:
        at_least(0, self, "seed")
        plain_name(self.name, "name")
        check_terms(self.losses, self.audio.sources)
        held = any(loss.balance is not None for loss in self.losses)
        require(
            not (held and self.optimizer.line_search),
            "losses: expected weights with an optimizer that searches along a line, got balance: "
            "gradients held to a share add up to that of no loss which it could follow",
        )
        require(
            self.training.singular_values is None or not self.optimizer.line_search,
            "training.singular_values: expected null with an optimizer that searches along a line",
        )
        self._check_crop_seconds()
        if self.discriminator is not None:
            self._check_adversarial()
        group, micro = (
            self.augment.group,
            self.training.batch_size // self.training.accumulation,
        )
        require(
            micro % group == 0,
            f"augment.remix.group: expected a divisor of the {micro} segments of one micro-batch "
            f"(training.batch_size / accumulation), got {group}",
        )

    def _check_adversarial(self) -> None:
        require(
            not self.optimizer.line_search,
            "optimizer.name: expected one without a line search (adam) beside discriminators, got "
            "one with it: the gradients that adversarial.balance or gamma weighs add up to that of "
            "no loss which it could follow; say discriminator: null",
        )
        self.adversarial.check_training(self.training.steps)

    def _check_crop_seconds(self) -> None:
        seconds, longest = self.adversarial.crop_seconds, self.training.segment_seconds
        if seconds is None:
            return
        require(
            seconds <= longest,
            "adversarial.crop_seconds: expected at most training.segment_seconds "
            f"({longest}), got {seconds}",
        )
        window = 1 if self.discriminator is None else self.discriminator.window
        require(
            self.audio.samples(seconds) >= window,
            f"adversarial.crop_seconds: expected at least {window / self.audio.sample_rate:.3g}, "
            f"the {window} samples of the discriminator's window, got {seconds}; take longer "
            "crops, or shorter windows of the discriminator",
        )

    @property
    def plain(self) -> "RunConfig":
        """The counterpart without discriminators, equal in all else."""
        return replace(self, discriminator=None)
