"""Outputs of discriminators with values by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_sep.adversarial.scored import Scored
from gan_sep.discriminators.base import DiscriminatorOutput


def scored(
    logits: Tensor,
    active: Tensor | None = None,
    features: Sequence[Tensor] = (),
    signals: Tensor | None = None,
) -> Scored:
    """Logits (N, S, n) of segments of one kind; signals are asked for by gradient penalties."""
    N, S = logits.shape[:2]
    if active is None:
        active = torch.ones(N, S, dtype=torch.bool)
    given = torch.zeros(N, S, 1, 1) if signals is None else signals
    return Scored(DiscriminatorOutput(logits, list(features)), active / N, given)


def score(*values: float) -> Scored:
    """One segment with one logit for each source."""
    return scored(torch.tensor(values).reshape(1, -1, 1))


def joined(paired: Scored, unpaired: Scored) -> Scored:
    """Segments of both kinds, which weigh the same in all."""
    return Scored(
        DiscriminatorOutput(torch.cat([paired.output.logits, unpaired.output.logits]), []),
        torch.cat([paired.weights, unpaired.weights]) / 2,
        torch.cat([paired.signals, unpaired.signals]),
    )
