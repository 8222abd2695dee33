"""Encoder and decoder layers of Hybrid Demucs, on spectrograms and on waveforms."""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.generators.layers.dconv import Branches, DConv


@dataclass(frozen=True)
class Shape:
    """What an encoder layer and the decoder layer opposite have in common.

    A spectral layer convolves the bins of (B, C, F, N), any other the time of (B, C, T).
    """

    outer: int  # channels on the side of the mixture
    inner: int  # channels on the other side
    spectral: bool
    kernel: int
    stride: int
    padded: bool = True  # by a quarter of the kernel; false where one kernel takes all bins
    groups: int = 0  # of the group norms; 0 for none
    alone: bool = False  # nothing but the strided convolution
    branches: Branches | None = None

    @property
    def padding(self) -> int:
        return self.kernel // 4 if self.padded else 0

    def without_branches(self) -> "Shape":
        return replace(self, branches=None)

    def strided(self, convolution: str, inputs: int, outputs: int, padding: int) -> nn.Module:
        """The strided convolution, over frequency or over time."""
        dimensions = "2d" if self.spectral else "1d"
        sizes: list[Any] = [self.kernel, self.stride, padding]
        if self.spectral:
            sizes = [(self.kernel, 1), (self.stride, 1), (padding, 0)]
        layer: nn.Module = getattr(nn, convolution + dimensions)(inputs, outputs, *sizes)
        return layer

    def pointwise(self, channels: int, kernel: int) -> nn.Module:
        """The convolution to twice the channels that a gated linear unit halves again."""
        convolution = nn.Conv2d if self.spectral else nn.Conv1d
        return convolution(channels, 2 * channels, kernel, 1, kernel // 2)

    def norm(self, channels: int) -> nn.Module:
        return nn.GroupNorm(self.groups, channels) if self.groups else nn.Identity()


class EncoderLayer(nn.Module):
    """Strided convolution, GELU, residual branches and a gated 1x1 convolution.

    (B, outer, F, N) -> (B, inner, F / stride, N), or (B, outer, T) -> (B, inner, T / stride); a
    waveform is extended by zeros to a multiple of the stride.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.conv = shape.strided("Conv", shape.outer, shape.inner, shape.padding)
        if shape.alone:
            return
        self.norm1 = shape.norm(shape.inner)
        self.rewrite = shape.pointwise(shape.inner, 1)
        self.norm2 = shape.norm(2 * shape.inner)
        self.dconv = _branches(shape)

    def forward(self, x: Tensor, inject: Tensor | None = None) -> Tensor:
        """inject: what the time branch (B, inner, N) adds before the norm."""
        if not self.shape.spectral:
            x = x.flatten(2)  # the one bin that a spectral layer left
            x = F.pad(x, (0, -x.shape[-1] % self.shape.stride))
        y = self.conv(x)
        if self.shape.alone:
            return y
        if inject is not None:
            y = y + (inject[:, :, None] if y.ndim == 4 else inject)
        y = F.gelu(self.norm1(y))
        y = _apply_branches(self.dconv, y)
        return F.glu(self.norm2(self.rewrite(y)), dim=1)


class DecoderLayer(nn.Module):
    """A gated convolution with context, residual branches and a transposed convolution."""

    def __init__(self, shape: Shape, outputs: int, outermost: bool) -> None:
        super().__init__()
        self.shape = shape
        self.outermost = outermost
        self.conv_tr = shape.strided("ConvTranspose", shape.inner, outputs, 0)
        self.norm2 = shape.norm(outputs)
        if shape.alone:
            return
        self.rewrite = shape.pointwise(shape.inner, 3)
        self.norm1 = shape.norm(2 * shape.inner)
        self.dconv = _branches(shape)

    def forward(self, x: Tensor, skip: Tensor | None, length: int) -> tuple[Tensor, Tensor]:
        """x, skip: the encoder's output; length: T of the encoder's input.

        Returns the layer's output and its input to the transposed convolution.
        """
        if self.shape.spectral and x.ndim == 3:
            x = x.unsqueeze(2)  # (B, inner, 1, N)
        if not self.shape.alone:
            assert skip is not None
            x = F.glu(self.norm1(self.rewrite(x + skip)), dim=1)
            x = _apply_branches(self.dconv, x)
        y = self.norm2(self.conv_tr(x))
        padding = self.shape.padding
        if self.shape.spectral:
            y = y[:, :, padding : y.shape[2] - padding]
        else:
            y = y[..., padding : padding + length]
        return y if self.outermost else F.gelu(y), x


class FrequencyEmbedding(nn.Module):
    """A vector for each bin, `weight` strong: (B, C, F, N) -> the same with it added.

    It begins as a random walk over the bins divided by its standard deviation, so that near bins
    have near vectors, and is learned ten times as fast as the number stored.
    """

    SCALE = 10

    def __init__(self, bins: int, channels: int, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.embedding = nn.Embedding(bins, channels)
        with torch.no_grad():
            steps = torch.arange(1, bins + 1)[:, None]
            walk = self.embedding.weight.cumsum(0) / steps.sqrt()
            self.embedding.weight.copy_(walk / self.SCALE)

    def forward(self, x: Tensor) -> Tensor:
        vectors = self.embedding.weight.T[:, :, None]  # (C, F, 1)
        return x + self.weight * self.SCALE * vectors


def _branches(shape: Shape) -> nn.Module:
    return DConv(shape.inner, shape.branches) if shape.branches else nn.Identity()


def _apply_branches(branches: nn.Module, x: Tensor) -> Tensor:
    """Residual branches over time; each bin of (B, C, F, N) is an item of its own."""
    if x.ndim == 3 or isinstance(branches, nn.Identity):
        return branches(x)
    B = len(x)
    y = branches(x.transpose(1, 2).flatten(0, 1))  # (B * F, C, N)
    return y.unflatten(0, (B, -1)).transpose(1, 2)
