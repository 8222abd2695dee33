"""Encoder and decoder layers of Hybrid Demucs, on spectrograms and on waveforms."""

from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.fast.convolutions import convolve, convolve_transposed, gated
from gan_sep.generators.layers.dconv import Branches, DConv


@dataclass(frozen=True)
class Shape:
    """What an encoder layer and the decoder layer opposite have in common.

    A spectral layer convolves the bins of (B, F, N, C), any other the frames; a waveform has one
    bin, its samples being the frames.
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

    def strided(self, convolution: str, inputs: int, outputs: int, padding: int) -> Any:
        """The strided convolution, over frequency or over time."""
        dimensions = "2d" if self.spectral else "1d"
        sizes: list[Any] = [self.kernel, self.stride, padding]
        if self.spectral:
            sizes = [(self.kernel, 1), (self.stride, 1), (padding, 0)]
        return getattr(nn, convolution + dimensions)(inputs, outputs, *sizes)

    def pointwise(self, channels: int, kernel: int) -> nn.Conv1d | nn.Conv2d:
        """The convolution to twice the channels that a gated linear unit halves again."""
        convolution = nn.Conv2d if self.spectral else nn.Conv1d
        return convolution(channels, 2 * channels, kernel, 1, kernel // 2)

    def norm(self, channels: int) -> nn.Module:
        return nn.GroupNorm(self.groups, channels) if self.groups else nn.Identity()


class EncoderLayer(nn.Module):
    """Strided convolution, GELU, residual branches and a gated 1x1 convolution.

    (B, F, N, outer) -> (B, F / stride, N, inner), or (B, 1, T, outer) -> (B, 1, T / stride, inner);
    a waveform is extended by zeros to a multiple of the stride.
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
        """inject: what the time branch (B, 1, N, inner) adds before the norm."""
        missing = 0 if self.shape.spectral else -x.shape[2] % self.shape.stride
        if missing:
            x = F.pad(x, (0, 0, 0, missing))
        y = convolve(self.conv, x)
        if self.shape.alone:
            return y
        if inject is not None:
            y = y + inject
        y = self.dconv(F.gelu(_apply_norm(self.norm1, y)))
        if isinstance(self.norm2, nn.Identity):
            return gated(self.rewrite, y)
        return F.glu(_apply_norm(self.norm2, convolve(self.rewrite, y)), dim=3)


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
        if not self.shape.alone:
            assert skip is not None
            x = F.glu(_apply_norm(self.norm1, convolve(self.rewrite, x + skip)), dim=3)
            x = self.dconv(x)
        padding = self.shape.padding
        if isinstance(self.norm2, nn.Identity):
            y = convolve_transposed(self.conv_tr, x, padding)
        else:  # what is cut off counts in the norm
            y = _apply_norm(self.norm2, convolve_transposed(self.conv_tr, x))
            axis = 1 if self.shape.spectral else 2
            y = y.narrow(axis, padding, y.shape[axis] - 2 * padding)
        if not self.shape.spectral:
            y = y[:, :, :length]
        return y if self.outermost else F.gelu(y), x


class FrequencyEmbedding(nn.Module):
    """A vector for each bin, `weight` strong: (B, F, N, C) -> the same with it added.

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
        return x + self.weight * self.SCALE * self.embedding.weight[:, None]  # (F, 1, C)


def _branches(shape: Shape) -> nn.Module:
    return DConv(shape.inner, shape.branches) if shape.branches else nn.Identity()


def _apply_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """(B, F, N, C) -> the same."""
    return norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
