"""Chains of convolutions, one for each period p, on every p-th sample of the waveform.

The multi-period discriminator of Kong, Kim and Bae, "HiFi-GAN: Generative Adversarial Networks for
Efficient and High Fidelity Speech Synthesis", 2020. The signal is folded into rows of p samples,
and convolutions run down each column, so that what repeats every p samples, a tone or the hum of a
transposed convolution, is constant along a column. The periods are primes: no chain sees what
another does.

Published are the periods 2, 3, 5, 7 and 11, 32 to 1024 channels in five layers of kernel 5 and
stride 3, padding by reflection, and segments of a third of a second. Here there are two of the
periods, few channels, larger strides, and silence for padding, which any length has.

At the default a mono discriminator has 2572 parameters; a logit of period p gets every p-th sample
of a stretch of 510 p + 1 samples, 0.22 s of 16 kHz for p = 7. On a CPU the four discriminators add
half of a plain step to one of a small Demucs (16 channels, 16 kHz mono), and a fifth for each
period more.
"""

from dataclasses import dataclass
from typing import Self

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.convolutions import (
    FIRST_KERNEL,
    check_distinct,
    joined,
    source_chains,
    waveform_layers,
)
from gan_sep.discriminators.layers.inputs import discriminator_input


@dataclass(frozen=True, kw_only=True)
class Config(DiscriminatorOptions):
    """Sizes of one discriminator; every source has the same."""

    periods: tuple[int, ...] = (3, 7)  # in samples
    layers: int = 3  # the first keeps an eighth of the rows, each further one a quarter

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct("periods", self.periods, least=1)

    def build(self, audio: AudioFormat) -> nn.Module:
        return MultiPeriodDiscriminator(self, audio)

    @property
    def window(self) -> int:
        """The samples that its first kernel spans in the longest period."""
        return FIRST_KERNEL * max(self.periods)

    @classmethod
    def tiny(cls) -> Self:
        return cls(periods=(2, 3), channels=2, layers=2)


class MultiPeriodDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, n), period by
    period.

    Any T >= 1 will do.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        layers = waveform_layers(config.channels, config.layers)
        self.periods = source_chains(config, audio, len(config.periods), layers, (3,))

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        signals = discriminator_input(sources, mixture, self.config).side_by_side()  # (B, S*C, T)
        periods = zip(self.periods, self.config.periods, strict=True)
        return joined([_folded(chains, signals, period) for chains, period in periods])


def _folded(chains: nn.Module, signals: Tensor, period: int) -> DiscriminatorOutput:
    """Each column by itself: (B, S*C, T) -> logits (B, S, rows', period)."""
    columns = rearrange(folded(signals, period), "b c rows period -> (b period) c rows")
    output = chains(columns)
    features = [_apart(feature, period) for feature in output.features]
    return DiscriminatorOutput(_apart(output.logits, period), features)


def _apart(columns: Tensor, period: int) -> Tensor:
    """Columns out of the batch again: (B*period, S, ...) -> (B, S, ..., period)."""
    return rearrange(columns, "(b period) s ... -> b s ... period", period=period)


def folded(signals: Tensor, period: int) -> Tensor:
    """(..., T) -> (..., ceil(T / period), period): rows of one period, silence after the end."""
    padded = F.pad(signals, (0, -signals.shape[-1] % period))
    return padded.unflatten(-1, (-1, period))
