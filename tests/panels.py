"""Panels of discriminators, asked and conditioned."""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from gan_sep.discriminators.base import Judgement


def judged(panel: nn.Module, sources: Tensor) -> Judgement:
    """What the panel says of sources (B, S, C, T) that are all there is in their mixture."""
    judgement: Judgement = panel(sources, sources.sum(1))
    return judgement


def conditioned(config: Any) -> Any:
    """A panel's configuration whose judges all hear the mixture, those of its members too."""
    if hasattr(config, "members"):
        return replace(config, members=tuple(conditioned(member) for member in config.members))
    return replace(config, conditioned=True)
