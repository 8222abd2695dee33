"""Hybrid Transformer Demucs (Demucs v4): two U-Nets with a transformer between them.

Source: Rouard, Massa, Défossez, "Hybrid Transformers for Music Source Separation", 2023. Parameters
are named as in the published checkpoints and drawn in the same order. The published counts of 26.9
and 41.4 million are of networks with residual branches in the encoder only; the released ones have
them in the decoder too.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.fast.convolutions import convolve
from gan_sep.generators.layers.hybrid import HybridConfig, HybridUNet, branches_of
from gan_sep.generators.layers.hybrid_layers import Shape
from gan_sep.generators.layers.sparse_attention import Hashing
from gan_sep.generators.layers.transformer import CrossTransformer, TransformerShape
from gan_sep.ranges import at_least, below_one, between


@dataclass(frozen=True)
class Config(HybridConfig):
    """The released model htdemucs; of six sources the released one has `bottom_channels: 0`."""

    depth: int = 4  # layers
    branches: Literal["none", "encoder", "decoder", "both"] = "both"  # where residual ones are
    compression: int = 8  # channels of a layer per channel of its residual branches
    bottom_channels: int = 512  # of the transformer; 0 for those of the innermost layer
    transformer_layers: int = 5  # of each branch: self, cross, self, cross, self
    heads: int = 8  # of the attention
    hidden_scale: float = 4.0  # hidden channels of a feed-forward part per channel
    dropout: float = 0.0  # in the transformer; the published training took 0.02
    # `sparse`: each query looks only at the keys in its direction; for the model, not for memory.
    attention: Literal["dense", "sparse"] = "dense"
    hash_rounds: int = 32  # of sparse attention, in which a query and a key may agree
    hash_buckets: int = 4  # of each round
    sparsity: float = 0.9  # the least share of pairs of query and key that is dropped
    query_block: int = 256  # queries looked at together; memory grows with it
    segment_seconds: float | None = 7.8  # in evaluation, longer input is cut and shorter padded

    def __post_init__(self) -> None:
        super().__post_init__()
        bins = self.n_fft // 2 // self.stride**self.depth
        # With two bins left the branches would meet, which is what Hybrid Demucs is for.
        if bins * self.stride**self.depth * 2 != self.n_fft or bins <= self.kernel // self.stride:
            raise ValueError(
                f"n_fft: expected a multiple of 2 x stride^depth = {2 * self.stride**self.depth}, "
                f"and more than twice it, got {self.n_fft}"
            )
        at_least(1, self, "heads")
        dimension = self.dimension()
        if dimension % 4 or dimension % self.heads:
            raise ValueError(
                f"heads: expected transformer channels divisible by 4 and by the {self.heads} "
                f"heads, got {dimension}"
            )
        below_one(self, "dropout")
        if self.transformer_layers < 0:
            raise ValueError(
                f"transformer_layers: expected 0 or more, got {self.transformer_layers}"
            )
        self._check_hashing()
        between(0.1, 60, self, "segment_seconds")

    def _check_hashing(self) -> None:
        if not 1 <= self.hash_rounds <= 256:  # which numbers of 16 bits count exactly
            raise ValueError(f"hash_rounds: expected 1 to 256, got {self.hash_rounds}")
        if self.hash_buckets < 2 or self.hash_buckets % 2:
            raise ValueError(
                f"hash_buckets: expected an even number from 2 on, got {self.hash_buckets}"
            )
        below_one(self, "sparsity")
        at_least(1, self, "query_block")

    def hashing(self) -> Hashing | None:
        """What makes the attention sparse; None where it is dense."""
        if self.attention == "dense":
            return None
        return Hashing(self.hash_rounds, self.hash_buckets, self.sparsity, self.query_block)

    def inner_channels(self) -> int:
        """Channels of the innermost layer."""
        return self.channels * self.growth ** (self.depth - 1)

    def dimension(self) -> int:
        """Channels of the transformer."""
        return self.bottom_channels or self.inner_channels()

    def build(self, audio: AudioFormat) -> "HTDemucs":
        """The network with fresh weights, drawn from torch's global random state."""
        return HTDemucs(self, audio)

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(
            channels=8, depth=2, n_fft=256, compression=2, bottom_channels=16,
            transformer_layers=2, heads=2, segment_seconds=0.2,
        )  # fmt: skip


class HTDemucs(HybridUNet):
    """Mixture (B, C, T) -> estimates (B, S, C, T), any T >= 1.

    The transformer knows the lengths it was trained with. So in evaluation, with
    `segment_seconds`, a shorter mixture is extended by silence to that length, and a longer one
    separated in pieces of it, which do not overlap: whoever wants overlap cuts pieces itself.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        shapes = _shapes(config, 2 * audio.channels, spectral=True)
        shapes_t = _shapes(config, audio.channels, spectral=False)
        super().__init__(config, shapes, shapes_t, len(audio.sources))
        seconds = config.segment_seconds
        # Rounded down like the published lengths, but not below a whole number of samples.
        self.segment = None if seconds is None else int(seconds * audio.sample_rate + 1e-6)
        inner, bottom = config.inner_channels(), config.bottom_channels
        if bottom:
            self.channel_upsampler = nn.Conv1d(inner, bottom, 1)
            self.channel_downsampler = nn.Conv1d(bottom, inner, 1)
            self.channel_upsampler_t = nn.Conv1d(inner, bottom, 1)
            self.channel_downsampler_t = nn.Conv1d(bottom, inner, 1)
        self.has_bottom = bottom > 0
        self.crosstransformer = None
        if config.transformer_layers:
            self.crosstransformer = CrossTransformer(
                TransformerShape(
                    config.dimension(),
                    config.transformer_layers,
                    config.heads,
                    config.hidden_scale,
                    config.dropout,
                    config.hashing(),
                )
            )

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        if self.training or self.segment is None:
            return super().forward(mixture)
        pieces = []
        for piece in mixture.split(self.segment, -1):
            padded = F.pad(piece, (0, self.segment - piece.shape[-1]))
            pieces.append(super().forward(padded)[..., : piece.shape[-1]])
        return torch.cat(pieces, -1)

    def input_length(self, length: int, segment: int) -> int:
        """How much of a track the network wants for a piece of it, where pieces have `segment`."""
        return length if self.segment is None else max(length, segment)

    def middle(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        if self.crosstransformer is None:
            return x, xt
        if not self.has_bottom:
            return self.crosstransformer(x, xt)
        x = convolve(self.channel_upsampler, x)  # (B, F, N, bottom)
        x, xt = self.crosstransformer(x, convolve(self.channel_upsampler_t, xt))
        return convolve(self.channel_downsampler, x), convolve(self.channel_downsampler_t, xt)


def _shapes(config: Config, channels: int, spectral: bool) -> list[Shape]:
    """The layers of a branch, outermost first."""
    widths = [channels, *(config.channels * config.growth**n for n in range(config.depth))]
    return [
        Shape(
            outer,
            inner,
            spectral,
            config.kernel,
            config.stride,
            groups=config.norm_groups if index >= config.norm_starts else 0,
            branches=branches_of(config),
        )
        for index, (outer, inner) in enumerate(pairwise(widths))
    ]
