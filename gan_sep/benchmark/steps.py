"""Training steps of Demucs: against the published code, and with discriminators against without."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

import torch
from accelerate import Accelerator
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.benchmark.table import Table
from gan_sep.benchmark.timing import Work, interleave, peak_memory
from gan_sep.discriminators import spectrogram
from gan_sep.experiment import Adversarial
from gan_sep.generators import demucs
from gan_sep.losses.l1 import l1
from gan_sep.optimizers import adam
from gan_sep.training.adversary import Adversary
from gan_sep.training.material import Batch
from gan_sep.training.player import Player
from gan_sep.training.step import TrainingStep

LEARNING_RATE = 3e-4


@dataclass(frozen=True)
class Setting:
    """A Demucs v2, or v1 without resampling, and the batch it is trained on."""

    channels: int
    depth: int
    audio: AudioFormat
    seconds: float
    batch_size: int
    panel: spectrogram.Config = field(default_factory=spectrogram.Config)
    unpaired: int = 0
    resample: bool = True

    def __str__(self) -> str:
        kind = "mono" if self.audio.channels == 1 else "stereo"
        return (
            f"{self.channels} channels, depth {self.depth}, {self.audio.sample_rate / 1000:g} kHz "
            f"{kind}, {self.batch_size} x {self.seconds:g} s" + ("" if self.resample else ", v1")
        )

    @property
    def audio_seconds(self) -> float:
        """Seconds of music in one batch."""
        return self.batch_size * self.seconds

    @property
    def generator(self) -> demucs.Config:
        return demucs.Config(channels=self.channels, depth=self.depth, resample=self.resample)

    def sources(self, device: torch.device, items: int | None = None) -> torch.Tensor:
        """Noise in the shape of a batch, or of so many items, (B, S, C, T)."""
        S, C, T = len(self.audio.sources), self.audio.channels, self.audio.samples(self.seconds)
        return 0.1 * torch.randn(items or self.batch_size, S, C, T, device=device)


Builder = Callable[[Setting, torch.device], Work]

MONO = AudioFormat(sample_rate=16000, channels=1)
STEREO = AudioFormat()
SETTINGS = (
    Setting(16, 5, MONO, seconds=3, batch_size=8),
    Setting(16, 6, STEREO, seconds=3, batch_size=4),
    Setting(32, 6, STEREO, seconds=4, batch_size=2),
    Setting(64, 6, STEREO, seconds=4, batch_size=1),
)
SMALL_PANEL = spectrogram.Config(n_fft=1024, hop=512, channels=8)
GAN_SETTINGS = (
    Setting(16, 5, MONO, 3, 8, SMALL_PANEL, unpaired=1, resample=False),
    Setting(32, 6, STEREO, 3, 8, unpaired=1),
    Setting(64, 6, STEREO, 3, 4),
)
QUICK_SETTINGS = (
    Setting(4, 2, AudioFormat(4000, 1), seconds=0.2, batch_size=2, panel=spectrogram.Config.tiny()),
)


def against_peer(settings: tuple[Setting, ...], rounds: int, device: torch.device) -> Table:
    """A plain training step of this package and of the published code, in turns."""
    builders: dict[str, Builder] = {"gan_sep": plain_step}
    remark = "forward, L1, backward, Adam, in float32; memory above that of an idle process."
    if find_spec("demucs"):
        builders["peer"] = peer_step
        remark += " The peer is the package demucs 2.0.3 with the optimiser it trains with."
    else:
        remark += " No peer to compare with: pip install demucs==2.0.3"
    rows = [_compare(builders, setting, rounds, device) for setting in settings]
    return Table("Plain training step", rows, remark)


def gan_against_plain(settings: tuple[Setting, ...], rounds: int, device: torch.device) -> Table:
    """One training step of each arm, in turns."""
    builders = {"gan": partial(arm_step, gan=True), "plain": partial(arm_step, gan=False)}
    rows = [_compare(builders, setting, rounds, device) for setting in settings]
    remark = (
        "The whole step of each arm: both players' moves, the gradient ratio and the balance. The "
        "small setting has the panel of its configuration, the others the default one; where the "
        "batch has 8 segments, the GAN arm separates one unpaired mixture more."
    )
    return Table("Step with discriminators", rows, remark)


def _compare(
    builders: Mapping[str, Builder],
    setting: Setting,
    rounds: int,
    device: torch.device,
) -> dict[str, str | float]:
    """Seconds and MiB of each contender, and the first one's over the second one's."""
    ready = {name: partial(build, setting, device) for name, build in builders.items()}
    memory = {name: peak_memory(build, device) for name, build in ready.items()}
    timings = interleave({name: build() for name, build in ready.items()}, rounds, device)
    row: dict[str, str | float] = {"setting": str(setting)}
    row |= {f"{name}, s": timings.median(name) for name in builders}
    if len(builders) == 2:
        first, second = builders
        row[f"time {first} / {second}"] = timings.ratio(first, second)
    row |= {f"{name}, MiB": memory[name] for name in builders}
    if len(builders) == 2:
        row[f"memory {first} / {second}"] = memory[first] / memory[second]
    return row


def plain_step(setting: Setting, device: torch.device) -> Callable[[], float]:
    """A step of this package's Demucs on one batch, which returns its L1 loss."""
    network = setting.generator.build(setting.audio).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
    sources = setting.sources(device)
    mixture = sources.sum(1)  # (B, C, T)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.l1_loss(network(mixture), sources)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def peer_step(setting: Setting, device: torch.device) -> Callable[[], float]:
    """The same step with the published code, which wants mixtures padded to a valid length."""
    from demucs.model import Demucs

    names = list(setting.audio.sources)
    network = Demucs(
        names, setting.audio.channels, setting.channels, setting.depth, normalize=True
    ).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    sources = setting.sources(device)
    length = sources.shape[-1]
    surplus = network.valid_length(length) - length
    mixture = F.pad(sources.sum(1), (surplus // 2, surplus - surplus // 2))  # (B, C, T')

    def step() -> float:
        optimizer.zero_grad()
        estimates = network(mixture)  # (B, S, C, T'')
        start = (estimates.shape[-1] - length) // 2
        loss = F.l1_loss(estimates[..., start : start + length], sources)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def arm_step(setting: Setting, device: torch.device, gan: bool) -> Work:
    """The training loop's own step on one batch, of the plain or the GAN arm."""
    accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
    settings = Adversarial()
    network = setting.generator.build(setting.audio)
    generator = Player.prepared("generator", network, adam.Config(LEARNING_RATE), accelerator)
    adversary = None
    if gan:
        panel = setting.panel.build(setting.audio)
        judge = Player.prepared("discriminator", panel, settings.optimizer, accelerator)
        adversary = Adversary(judge, settings, len(setting.audio.sources), accelerator)
    step = TrainingStep(accelerator, generator, adversary, l1)
    unpaired = None
    if gan and setting.unpaired:
        stems = setting.sources(device, setting.unpaired)  # (U, S, C, T)
        unpaired = (stems.sum(1), stems)
    batch = Batch(setting.sources(device), unpaired)
    return lambda: step([batch], step=settings.warmup_steps)
