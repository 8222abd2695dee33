"""The transformer between the branches of HT Demucs: each attends to itself and to the other.

Source: Rouard, Massa, Défossez, "Hybrid Transformers for Music Source Separation", 2023.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.fast.norms import item_norm
from gan_sep.generators.layers.dconv import LayerScale
from gan_sep.generators.layers.sparse_attention import Hashing, SparseAttention

LAYER_SCALE = 1e-4  # initial factor of the residual branches
PERIOD = 10_000.0  # longest of the positions' sines, in tokens over 2 pi


@dataclass(frozen=True)
class TransformerShape:
    """The sizes of both branches' layers."""

    dimension: int
    layers: int = 5  # of each branch; even ones attend to themselves, odd ones to the other branch
    heads: int = 8
    hidden_scale: float = 4.0  # hidden channels of the feed-forward part per channel
    dropout: float = 0.0
    hashing: Hashing | None = None  # of sparse attention; None is dense


class CrossTransformer(nn.Module):
    """Spectral tokens (B, F, N, C) and time tokens (B, 1, T, C) -> the same shapes."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(shape.dimension)
        self.norm_in_t = nn.LayerNorm(shape.dimension)
        self.layers, self.layers_t = nn.ModuleList(), nn.ModuleList()
        for index in range(shape.layers):
            for branch in (self.layers, self.layers_t):
                branch.append(SelfLayer(shape) if index % 2 == 0 else CrossLayer(shape))

    def forward(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        bins, frames = x.shape[1:3]
        x = x.transpose(1, 2).flatten(1, 2)  # (B, N * F, C), the bins of a frame together
        x = self.norm_in(x) + spectral_positions(x, frames, bins)
        xt = self.norm_in_t(xt[:, 0])  # (B, T, C)
        xt = xt + time_positions(xt)
        for layer, layer_t in zip(self.layers, self.layers_t, strict=True):
            x, xt = layer(x, xt), layer_t(xt, x)  # both meet the other's state before the layer
        return x.unflatten(1, (frames, bins)).transpose(1, 2).contiguous(), xt[:, None]


class _Layer(nn.Module):
    """What both kinds of layer share: attention, feed-forward part, factors and the last norm.

    The last norm is over all tokens and channels of an item.
    """

    def __init__(self, shape: TransformerShape, attention_name: str) -> None:
        super().__init__()
        dimension, hidden = shape.dimension, int(shape.hidden_scale * shape.dimension)
        self.add_module(attention_name, _attention(shape))
        self.linear1 = nn.Linear(dimension, hidden)
        self.linear2 = nn.Linear(hidden, dimension)
        self.norm1 = nn.LayerNorm(dimension)
        self.norm2 = nn.LayerNorm(dimension)
        self.norm_out = nn.GroupNorm(1, dimension)
        self.gamma_1 = LayerScale(dimension, LAYER_SCALE, channel_last=True)
        self.gamma_2 = LayerScale(dimension, LAYER_SCALE, channel_last=True)
        self.dropout = nn.Dropout(shape.dropout)

    def attend(self, x: Tensor, attention: nn.Module, queries: Tensor, keys: Tensor) -> Tensor:
        if isinstance(attention, SparseAttention):
            attended = attention(queries, keys)
        else:
            attended = attention(queries, keys, keys, need_weights=False)[0]
        return x + self.gamma_1(self.dropout(attended))

    def feed_forward(self, x: Tensor, norm: nn.Module) -> Tensor:
        hidden = self.dropout(F.gelu(self.linear1(norm(x))))
        x = x + self.gamma_2(self.dropout(self.linear2(hidden)))
        return item_norm(self.norm_out, x)


def _attention(shape: TransformerShape) -> nn.Module:
    dimension, heads, dropout = shape.dimension, shape.heads, shape.dropout
    if shape.hashing is not None:
        return SparseAttention(dimension, heads, dropout, shape.hashing)
    return nn.MultiheadAttention(dimension, heads, dropout, batch_first=True)


class SelfLayer(_Layer):
    """Tokens (B, T, C) attend to themselves; the other branch's are not looked at."""

    self_attn: nn.Module

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__(shape, "self_attn")

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        tokens = self.norm1(x)
        return self.feed_forward(self.attend(x, self.self_attn, tokens, tokens), self.norm2)


class CrossLayer(_Layer):
    """Tokens (B, T, C) attend to the other branch's (B, T', C)."""

    cross_attn: nn.Module

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__(shape, "cross_attn")
        self.norm3 = nn.LayerNorm(shape.dimension)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        x = self.attend(x, self.cross_attn, self.norm1(x), self.norm2(other))
        return self.feed_forward(x, self.norm3)


def time_positions(tokens: Tensor) -> Tensor:
    """(T, C) for tokens (B, T, C): cosines, then sines, of period 2 pi to 2 pi 10000 tokens."""
    half = tokens.shape[2] // 2
    exponents = torch.arange(half, dtype=tokens.dtype, device=tokens.device) / (half - 1)
    steps = torch.arange(tokens.shape[1], dtype=tokens.dtype, device=tokens.device)
    phase = steps[:, None] / PERIOD**exponents  # (T, C / 2)
    return torch.cat([phase.cos(), phase.sin()], -1)


def spectral_positions(tokens: Tensor, frames: int, bins: int) -> Tensor:
    """(N * F, C) for tokens (B, N * F, C): half the channels tell the frame, half the bin.

    Sines and cosines in turn.
    """
    half = tokens.shape[2] // 2
    exponents = torch.arange(0, half, 2, dtype=tokens.dtype, device=tokens.device)
    rates = torch.exp(exponents * (-math.log(PERIOD) / half))  # (C / 4,)

    def waves(count: int) -> Tensor:
        steps = torch.arange(count, dtype=tokens.dtype, device=tokens.device)
        phase = steps[:, None] * rates
        return torch.stack([phase.sin(), phase.cos()], -1).flatten(1)  # (count, C / 2)

    of_frame = waves(frames)[:, None].expand(-1, bins, -1)  # (N, F, C / 2)
    of_bin = waves(bins)[None].expand(frames, -1, -1)
    return torch.cat([of_frame, of_bin], -1).flatten(0, 1)  # (N * F, C)
