"""Discriminators of several chains, asked and conditioned."""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from gan_sep.discriminators.base import DiscriminatorOutput


def scored(discriminator: nn.Module, sources: Tensor) -> DiscriminatorOutput:
    """The output for sources (B, S, C, T) that are all there is in their mixture."""
    output: DiscriminatorOutput = discriminator(sources, sources.sum(1))
    return output


def conditioned(config: Any) -> Any:
    """A discriminator's configuration whose discriminators all get the mixture, those of its
    members too.
    """
    if hasattr(config, "members"):
        return replace(config, members=tuple(conditioned(member) for member in config.members))
    return replace(config, conditioned=True)
