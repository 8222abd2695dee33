"""What a step learns from, and what of it the discriminators judge."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_sep.discriminators.base import Judgement
from gan_sep.losses.adversarial import Judged
from gan_sep.training.silence import audible


class Batch(NamedTuple):
    """One pass: sources (B, S, C, T); unpaired mixtures (U, C, T) and stems (U, S, C, T)."""

    sources: Tensor
    unpaired: tuple[Tensor, Tensor] | None = None


class Material(NamedTuple):
    """Signals (B, S, C, T) and (U, S, C, T), and where each counts: bool (B, S) and (U, S)."""

    signals: list[Tensor]
    active: list[Tensor]

    def judged(self, judgement: Judgement) -> list[Judged]:
        """A judgement of all signals in one batch, taken apart again.

        The losses divide by the number of segments, silent ones included, so that neither
        accumulation nor the number of processes changes what a segment weighs.
        """
        parts, start = [], 0
        for active in self.active:
            part = take(judgement, slice(start, start + len(active)))
            divisor = torch.full_like(active[0], len(active), dtype=torch.float)  # (S,)
            parts.append(Judged(part, active, divisor))
            start += len(active)
        return parts


def materials(
    batch: Batch, estimates: Tensor, silence_db: float | None
) -> tuple[Material, Material]:
    """The real and the estimated signals, paired then unpaired, with the masks of silence.

    estimates (B + U, S, C, T). One of a paired mixture counts where its true source sounds; that of
    an unpaired one, whose stems nobody knows, where it sounds itself.
    """
    B = len(batch.sources)
    sounding = audible(batch.sources, silence_db)  # (B, S)
    if batch.unpaired is None:
        return Material([batch.sources], [sounding]), Material([estimates], [sounding])
    stems, others = batch.unpaired[1], estimates[B:]  # (U, S, C, T)
    return (
        Material([batch.sources, stems], [sounding, audible(stems, silence_db)]),
        Material([estimates[:B], others], [sounding, audible(others, silence_db)]),
    )


def take(judgement: Judgement, items: slice) -> Judgement:
    """The judgement of some items of the batch."""
    return Judgement(judgement.logits[items], [feature[items] for feature in judgement.features])
