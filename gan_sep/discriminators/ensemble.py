"""Several discriminators as one, each with the same weight.

What one discriminator does not see another does: magnitudes and waveforms, coarse and fine
resolutions. In the configuration each member is a section of its own:

    discriminator:
      name: ensemble
      members:
        - {name: spectrogram, hop: 512}
        - {name: multi_period, layout: mid_side}

Receptive fields are the members' own; parameters, cost and memory are the sum of theirs: with the
two members of the default 177085 parameters of a mono discriminator, and on a CPU one plain step
more for a step of a small Demucs (16 channels, 16 kHz mono).
"""

from dataclasses import dataclass
from typing import Annotated, Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component
from gan_sep.discriminators import multi_period, spectrogram
from gan_sep.discriminators.base import DiscriminatorConfig, DiscriminatorOutput
from gan_sep.discriminators.layers.convolutions import joined

Member = Annotated[DiscriminatorConfig, Component("discriminators")]


@dataclass(frozen=True)
class Config:
    """Raises ValueError without a member."""

    # The discriminators, in the order of their outputs and features.
    members: tuple[Member, ...] = (spectrogram.Config(), multi_period.Config())

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("members: expected at least one discriminator, got none")

    def build(self, audio: AudioFormat) -> nn.Module:
        return Ensemble(self, audio)

    @property
    def window(self) -> int:
        """The longest of its members'."""
        return max(member.window for member in self.members)

    @classmethod
    def tiny(cls) -> Self:
        return cls((spectrogram.Config.tiny(), multi_period.Config.tiny()))


class Ensemble(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, n), member by
    member.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.members = nn.ModuleList(member.build(audio) for member in config.members)

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        return joined([member(sources, mixture) for member in self.members])
