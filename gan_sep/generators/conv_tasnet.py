"""Conv-TasNet for music: a learned filter bank, and masks from dilated convolutions over time.

Source: Luo and Mesgarani, "Conv-TasNet: Surpassing Ideal Time-Frequency Magnitude Masking for
Speech Separation", 2019; the variant for music is that of Défossez, Usunier, Bottou and Bach,
"Music Source Separation in the Waveform Domain", 2019: stereo, no skip path, no biases, a ReLU
behind the filter bank, ReLU masks, Xavier's normal distribution for initial weights. Differences
from its authors' code:

- half a filter of silence is put on both sides of the mixture, and what is missing to a whole frame
  behind it, so that every sample lies in two frames
- the norms begin with a scale of 1 and a shift of 0; there these, too, are drawn from Xavier's
  distribution, close to 0
"""

from dataclasses import dataclass
from typing import Literal, Self

from torch import Tensor, nn
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.generators.layers.temporal_blocks import TemporalBlock
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class Config:
    """The network for music as published; in brackets the letters of the paper."""

    filters: int = 256  # of the filter bank [N]
    kernel: int = 20  # length of the filters in samples; they overlap by half [L]
    bottleneck: int = 256  # channels between the blocks [B]
    hidden: int = 512  # channels within a block [H]
    block_kernel: int = 3  # of a block's convolution over time, in frames [P]
    blocks: int = 10  # in a row, the dilation doubling from 1 on with each [X]
    repeats: int = 4  # of that row [R]
    # What keeps masks from being negative; with softmax they add up to 1 over the sources.
    mask: Literal["relu", "sigmoid", "softmax"] = "relu"

    def __post_init__(self) -> None:
        at_least(1, self, "filters", "bottleneck", "hidden", "blocks", "repeats")
        if self.kernel < 2 or self.kernel % 2:
            raise ValueError(
                f"kernel: expected an even number of samples, since filters overlap by half, "
                f"got {self.kernel}"
            )
        if self.block_kernel < 1 or self.block_kernel % 2 == 0:
            raise ValueError(
                f"block_kernel: expected an odd number of frames, got {self.block_kernel}"
            )
        if self.mask not in ("relu", "sigmoid", "softmax"):
            raise ValueError(f"mask: expected relu, sigmoid or softmax, got {self.mask!r}")

    def build(self, audio: AudioFormat) -> "ConvTasNet":
        """The network with fresh weights, drawn from torch's global random state."""
        return ConvTasNet(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(filters=16, bottleneck=8, hidden=16, blocks=3, repeats=2)


class ConvTasNet(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    The norms make the masks independent of the mixture's level, which the estimates follow.
    Silence stays silence.
    """

    def __init__(self, config: Config, channels: int, num_sources: int) -> None:
        super().__init__()
        self.config = config
        self.num_sources = num_sources
        hop = config.kernel // 2
        self.encoder = nn.Conv1d(channels, config.filters, config.kernel, hop, bias=False)
        self.norm = FrameNorm(config.filters)
        self.bottleneck = nn.Conv1d(config.filters, config.bottleneck, 1, bias=False)
        self.blocks = nn.Sequential(
            *(
                TemporalBlock(config.bottleneck, config.hidden, config.block_kernel, 2**exponent)
                for _ in range(config.repeats)
                for exponent in range(config.blocks)
            )
        )
        self.masks = nn.Conv1d(config.bottleneck, num_sources * config.filters, 1, bias=False)
        self.decoder = nn.ConvTranspose1d(config.filters, channels, config.kernel, hop, bias=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:  # neither the PReLUs' slopes nor the norms' scales and shifts
                nn.init.xavier_normal_(parameter)

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        length = mixture.shape[-1]
        hop = self.config.kernel // 2
        frames = F.relu(self.encoder(F.pad(mixture, (hop, hop + -length % hop))))  # (B, filters, N)
        masked = self._masks(frames) * frames[:, None]  # (B, S, filters, N)
        estimates = self.decoder(masked.flatten(0, 1))  # (B * S, C, at least hop + T)
        return estimates[..., hop : hop + length].unflatten(0, (-1, self.num_sources))

    def _masks(self, frames: Tensor) -> Tensor:
        """Filtered mixture (B, filters, N) -> the sources' masks (B, S, filters, N)."""
        scores = self.masks(self.blocks(self.bottleneck(self.norm(frames))))  # (B, S * filters, N)
        scores = scores.unflatten(1, (self.num_sources, -1))  # (B, S, filters, N)
        if self.config.mask == "softmax":
            return scores.softmax(1)
        return scores.sigmoid() if self.config.mask == "sigmoid" else F.relu(scores)


class FrameNorm(nn.Module):
    """Layer norm over the channels of each frame alone, the paper's cLN: (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.transpose(1, 2)).transpose(1, 2)
