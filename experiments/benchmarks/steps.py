"""Training steps: against other packages, and with discriminators against without."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers import peer_of
from benchmarks.settings import Setting
from benchmarks.table import Row, Table
from benchmarks.timing import Work, interleave, peak_memory
from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.balancer import Balancer
from gan_sep.losses import l1_time
from gan_sep.losses.base import WeightedLosses
from gan_sep.optimizers import adam
from gan_sep.training.batch import Batch
from gan_sep.training.player import Player
from gan_sep.training.step import ADVERSARIAL, TrainingStep

LEARNING_RATE = 3e-4

Builder = Callable[[Setting, torch.device], Work]


def against_peers(
    title: str, settings: tuple[Setting, ...], rounds: int, device: torch.device
) -> Table:
    """A plain training step of this package and, where it is installed, of a peer, in turns."""
    rows = [_against_peer(setting, rounds, device) for setting in settings]
    peers = dict.fromkeys(peer for s in settings if (peer := peer_of(s.generator)))
    remark = (
        "forward, L1, backward, Adam, in float32; memory above that of an idle process. A peer has "
        "the optimiser it trains with: Adam, not fused."
    )
    missing = [peer.requirement for peer in peers if not peer.installed]
    if missing:
        remark += f" Not installed, so not compared: pip install {' '.join(missing)}"
    return Table(title, rows, remark)


def gan_against_plain(settings: tuple[Setting, ...], rounds: int, device: torch.device) -> Table:
    """One training step of each arm, in turns."""
    builders = {"gan": partial(arm_step, gan=True), "plain": partial(arm_step, gan=False)}
    rows = [compare(builders, setting, rounds, device) for setting in settings]
    remark = (
        "The whole step of each arm: both players' moves, the gradient ratio and the balance. The "
        "small setting has the discriminator of its configuration, the others the default one; "
        "where the batch has 8 segments, the GAN arm separates one unpaired mixture more."
    )
    return Table("Step with discriminators", rows, remark)


def _against_peer(setting: Setting, rounds: int, device: torch.device) -> Row:
    ours = setting.generator.build(setting.audio)
    sizes: Row = {"setting": str(setting), "gan_sep, M": millions(ours)}
    builders: dict[str, Builder] = {"gan_sep": plain_step}
    peer = peer_of(setting.generator)
    if peer is not None and peer.installed:
        theirs = peer.build(setting.generator, setting.audio)
        sizes |= {"peer": peer.requirement, "peer, M": millions(theirs)}
        builders["peer"] = peer_step
    return sizes | compare(builders, setting, rounds, device)


def millions(network: nn.Module) -> float:
    """How many million parameters a network has."""
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def compare(
    builders: Mapping[str, Builder], setting: Setting, rounds: int, device: torch.device
) -> Row:
    """Seconds and MiB of each contender, and the first one's over the second one's."""
    ready = {name: partial(build, setting, device) for name, build in builders.items()}
    memory = {name: peak_memory(build, device) for name, build in ready.items()}
    timings = interleave({name: build() for name, build in ready.items()}, rounds, device)
    row: Row = {f"{name}, s": timings.median(name) for name in builders}
    if len(builders) == 2:
        first, second = builders
        row[f"time {first} / {second}"] = timings.ratio(first, second)
    row |= {f"{name}, MiB": memory[name] for name in builders}
    if len(builders) == 2:
        row[f"memory {first} / {second}"] = memory[first] / memory[second]
    return row


def plain_step(setting: Setting, device: torch.device) -> Callable[[], float]:
    """A step of this package's generator on one batch, which returns its L1 loss."""
    network = setting.generator.build(setting.audio).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
    return _step(network, optimizer, setting.sources(device))


def peer_step(setting: Setting, device: torch.device) -> Callable[[], float]:
    """The same step of the peer's network. Raises ValueError where the generator has no peer."""
    peer = peer_of(setting.generator)
    if peer is None:
        raise ValueError(f"generator: no package to compare {setting.name} with")
    network = peer.build(setting.generator, setting.audio).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    return _step(network, optimizer, setting.sources(device))


def _step(
    network: nn.Module, optimizer: torch.optim.Optimizer, sources: Tensor
) -> Callable[[], float]:
    """A step on sources (B, S, C, T) and their sum."""
    mixture = sources.sum(1)  # (B, C, T)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.l1_loss(network(mixture), sources)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def arm_step(setting: Setting, device: torch.device, gan: bool, precision: str = "no") -> Work:
    """The training loop's own step on one batch, of the plain or the GAN arm.

    precision: Accelerate's, "no" for float32; a process knows that of its first call only.

    Steps are counted from the one in which the discriminator begins to act, turn by turn.
    """
    accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision=precision)
    settings = setting.adversarial
    network = setting.generator.build(setting.audio)
    generator = Player.prepared("generator", network, adam.Config(LEARNING_RATE), accelerator)
    adversary = None
    if gan:
        discriminator = setting.discriminator.build(setting.audio)
        other = Player.prepared("discriminator", discriminator, settings.optimizer, accelerator)
        adversary = Adversary(other, settings, setting.audio, 0, accelerator)
    losses = WeightedLosses.of([l1_time.Config()], setting.audio, device)
    shares = {} if adversary is None else {ADVERSARIAL: adversary.settings.share}
    balancer = Balancer(shares, len(setting.audio.sources), accelerator)
    step = TrainingStep(accelerator, generator, adversary, losses, balancer)
    unpaired = None
    if gan and setting.unpaired:
        stems = setting.sources(device, setting.unpaired)  # (U, S, C, T)
        unpaired = (stems.sum(1), stems)
    batch = Batch.of(setting.sources(device), unpaired)
    steps = count(settings.warmup_steps)
    return lambda: step([batch], step=next(steps))
