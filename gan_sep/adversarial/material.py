"""What a step learns from, and what of it the discriminators score."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_sep.adversarial.objectives import Scored
from gan_sep.discriminators.base import DiscriminatorOutput
from gan_sep.training.silence import audible


class Batch(NamedTuple):
    """A micro-batch: sources (B, S, C, T); unpaired mixtures (U, C, T) and stems (U, S, C, T)."""

    sources: Tensor
    unpaired: tuple[Tensor, Tensor] | None = None


class Place(NamedTuple):
    """Where a micro-batch stands: its step, and how many of any process come before it in it."""

    step: int
    before: int = 0

    def items(self, count: int) -> range:
        """The numbers within the step of its segments, `count` in each.

        What is drawn for each by (seed, step, number) depends neither on accumulation nor on the
        number of processes.
        """
        return range(self.before * count, (self.before + 1) * count)


class Material(NamedTuple):
    """Signals to score (B, S, C, T), their mixture (B, C, T), and where they count: bool (B, S)."""

    signals: Tensor
    mixture: Tensor
    active: Tensor


def materials(
    batch: Batch, estimates: Tensor, silence_db: float | None
) -> tuple[list[Material], list[Material]]:
    """The real material and the estimated one, each paired, then unpaired if any.

    estimates (B + U, S, C, T), of the paired and the unpaired mixtures. Unpaired stems belong to a
    mixture that nobody separates: their sum. An estimate of a paired mixture counts where its true
    source sounds; that of an unpaired one, whose stems nobody knows, where it sounds itself.
    """
    sources, mixture = batch.sources, batch.sources.sum(1)  # (B, S, C, T), (B, C, T)
    sounding = audible(sources, silence_db)  # (B, S)
    real = [Material(sources, mixture, sounding)]
    fake = [Material(estimates[: len(sources)], mixture, sounding)]
    if batch.unpaired is not None:
        others, stems = batch.unpaired  # (U, C, T), (U, S, C, T)
        found = estimates[len(sources) :]  # (U, S, C, T)
        real.append(Material(stems, stems.sum(1), audible(stems, silence_db)))
        fake.append(Material(found, others, audible(found, silence_db)))
    return real, fake


def score_materials(discriminator: nn.Module, asked: Sequence[Material]) -> list[Scored]:
    """What the discriminator says of each material, all asked in one batch.

    The losses divide by the number of segments, silent ones included, so that neither accumulation
    nor the number of processes changes what a segment weighs.
    """
    signals = torch.cat([material.signals for material in asked])  # (B + U, S, C, T)
    mixture = torch.cat([material.mixture for material in asked])  # (B + U, C, T)
    output = discriminator(signals, mixture)
    scored, start = [], 0
    for material in asked:
        active, count = material.active, len(material.active)
        divisor = torch.full_like(active[0], count, dtype=torch.float)  # (S,)
        part = take(output, slice(start, start + count))
        scored.append(Scored(part, active, divisor))
        start += count
    return scored


def take(output: DiscriminatorOutput, items: slice) -> DiscriminatorOutput:
    """The output of some items of the batch."""
    return DiscriminatorOutput(
        output.logits[items], [feature[items] for feature in output.features]
    )
