"""Chains of convolutions, one for each scale: the waveform as it is, and smoothed and halved once
and again.

The multi-scale discriminator of Kumar et al., "MelGAN: Generative Adversarial Networks for
Conditional Waveform Synthesis", 2019, which HiFi-GAN took over. A chain of strided convolutions
rates stretches of the waveform; each further scale takes means of four samples, two apart,
of the one before, gets half the band and sees twice as far.

Published are a first layer at the full rate, 16 to 1024 channels, kernels of 15, then 41 with
strides of 4. Here the first layer has a stride of 8 already: at the full rate it alone would take
as long as a small Demucs.

At the default a mono discriminator has 14946 parameters; a logit gets 2047, 4096 or 8194 samples,
by its scale: 0.13 to 0.51 s of 16 kHz. On a CPU the four discriminators add half of a plain step to
one of a small Demucs (16 channels, 16 kHz mono).
"""

from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.convolutions import (
    FIRST_KERNEL,
    joined,
    source_chains,
    waveform_layers,
)
from gan_sep.discriminators.layers.inputs import discriminator_input
from gan_sep.ranges import at_least


@dataclass(frozen=True, kw_only=True)
class Config(DiscriminatorOptions):
    """Sizes of one discriminator; every source has the same."""

    scales: int = 3  # each of half the rate of the one before
    layers: int = 4  # the first keeps an eighth of the positions, each further one a quarter

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(1, self, "scales")

    def build(self, audio: AudioFormat) -> nn.Module:
        return MultiScaleDiscriminator(self, audio)

    @property
    def window(self) -> int:
        """The samples that its first kernel spans at the coarsest scale."""
        return FIRST_KERNEL * 2 ** (self.scales - 1)

    @classmethod
    def tiny(cls) -> Self:
        return cls(scales=2, channels=2, layers=2)


class MultiScaleDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, n), scale by
    scale.

    Any T >= 1 will do.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        layers = waveform_layers(config.channels, config.layers)
        self.scales = source_chains(config, audio, config.scales, layers, (3,))

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        signals = discriminator_input(sources, mixture, self.config).side_by_side()  # (B, S*C, T)
        first, *coarser = self.scales
        outputs = [first(signals)]
        for chains in coarser:
            signals = halved(signals)  # (B, S*C, T/2)
            outputs.append(chains(signals))
        return joined(outputs)


def halved(signals: Tensor) -> Tensor:
    """(B, C, T) -> (B, C, T // 2 + 1): means of four samples, two apart, silence around them."""
    return F.avg_pool1d(signals, 4, 2, padding=2)
