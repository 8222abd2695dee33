"""Discriminators of linear magnitude spectrograms with a dense head, all sources at once.

Those of Gusó, Pons, Pascual, Serrà, On loss functions and evaluation metrics for music source
separation, 2022: nine 4 x 4 convolutions of stride 2, of 16, 32, 64, 128, 256 and four times 512
channels, and dense layers of 1024, 32 and 1. Of the rest it says "DCGAN-like"; what it leaves open
is here

- the scale: magnitudes as losses have them, whose mean square is that of the samples;
- the padding: n positions become ceil(n / 2), so that nine layers fit 259 frames, as published;
- activations, initial weights and norms: those of `spectrogram`, a norm in all convolutions but the
  first, of each source by itself, none in the dense layers;
- other lengths than 6 s: the dense layers get each of the last layer's positions in time, 512 hops,
  by itself, and a segment has as many logits.

At the default a stereo discriminator has 18.0 million parameters.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.dcgan import LEAK, halvings, initialise
from gan_sep.discriminators.layers.inputs import discriminator_input, input_channels
from gan_sep.losses.layers.magnitudes import Stft


@dataclass(frozen=True, kw_only=True)
class Config(DiscriminatorOptions):
    """Sizes of one discriminator; every source has the same."""

    n_fft: int = 4096  # in samples
    hop: int = 1024  # in samples
    channels: int = 16  # the width of the first layer, for each source; doubled in each further one
    most_channels: int = 512  # where doubling ends
    layers: int = 9  # each of which halves bins and frames
    dense: tuple[int, ...] = (1024, 32)  # widths of the layers between them and the logit

    def __post_init__(self) -> None:
        super().__post_init__()
        Stft(self.n_fft, self.hop)
        if self.most_channels < 1 or min(self.dense, default=1) < 1:
            raise ValueError(
                "most_channels, dense: expected numbers of at least 1, got "
                f"{self.most_channels} and {list(self.dense)}"
            )

    def build(self, audio: AudioFormat) -> nn.Module:
        return LinearSpectrogramDiscriminator(self, audio)

    @property
    def window(self) -> int:
        """The samples of its FFT."""
        return self.n_fft

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_fft=64, hop=32, channels=2, most_channels=4, layers=3, dense=(8,))


class LinearSpectrogramDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, N'), any T >=
    1.

    N' counts stretches of 2^layers hops. The discriminators lie side by side on the channel axis;
    grouped convolutions keep them apart.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        S = len(audio.sources)
        self.config = config
        self.stft = Stft(config.n_fft, config.hop)
        widths = [min(config.channels * 2**i, config.most_channels) for i in range(config.layers)]
        first = input_channels(config, audio)
        self.layers = halvings(S, [first, *widths], config.spectral_norm)
        height = -(-(config.n_fft // 2 + 1) // 2**config.layers)  # of the last layer
        sizes = [widths[-1], *config.dense, 1]
        self.dense = nn.ModuleList(
            nn.Conv2d(S * narrow, S * wide, (1 if index else height, 1), groups=S)
            for index, (narrow, wide) in enumerate(pairwise(sizes))
        )
        initialise(self, S, config.spectral_norm)

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        signals = discriminator_input(sources, mixture, self.config)
        x = signals.side_by_side(self.magnitudes)  # (B, S*C, F, N)
        features = []
        for layer in self.layers:
            odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
            x = layer(F.pad(x, odd))  # (B, S*width, F/2^i, N/2^i), rounded up
            features.append(rearrange(x, "b (s width) f n -> b s width f n", s=sources.shape[1]))
        for index, layer in enumerate(self.dense):
            x = layer(F.leaky_relu(x, LEAK) if index else x)  # (B, S*width, 1, N')
        return DiscriminatorOutput(x.squeeze(2), features)

    def magnitudes(self, signals: Tensor) -> Tensor:
        """Signals (B, C, T) -> magnitudes (B, C, F, N), in full precision whatever the rest runs
        in."""
        with torch.autocast(signals.device.type, enabled=False):
            return self.stft.magnitude(signals.float())
