"""Demucs v1 and v2: a U-Net of strided convolutions on the waveform, with a recurrent bottleneck.

Source: Défossez, Usunier, Bottou, Bach, "Music Source Separation in the Waveform Domain", 2019 (v1:
100 channels, no resampling) and the v2 release of 2021 (64 channels, the network runs at twice the
sample rate). Parameters are named as in the published checkpoints and drawn in the same order.
"""

import math
from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.fast.resampling import Downsample2, Upsample2
from gan_sep.generators.layers.lstm import BLSTM
from gan_sep.generators.layers.rescaling import rescale_convolutions
from gan_sep.ranges import at_least, positive


@dataclass(frozen=True)
class Config:
    """The network of Demucs v2; `channels=100, resample=False` is v1."""

    channels: int = 64  # of the outermost layer
    depth: int = 6  # layers of the encoder, and as many of the decoder
    growth: float = 2.0  # so many times more channels with each layer inwards
    kernel: int = 8  # of a layer's outer convolution, in samples of its input
    stride: int = 4  # of the same
    context: int = 3  # kernel of the decoder's inner convolution, which exists with `rewrite`
    rewrite: bool = True  # a second convolution in each layer, 1x1 in the encoder
    glu: bool = True  # a gated linear unit behind the second convolution; false: ReLU
    lstm_layers: int = 2  # of the bidirectional LSTM in the middle; 0 for none
    rescale: float | None = 0.1  # initial weights are drawn towards this deviation; null: as drawn
    resample: bool = True  # the network runs at twice the sample rate
    # The input gets mean 0 and deviation 1 first; false for a published file that expects it so.
    normalize: bool = True

    def __post_init__(self) -> None:
        at_least(1, self, "channels", "depth", "kernel", "stride", "context", "growth")
        if self.stride > self.kernel:
            raise ValueError(
                f"stride: expected at most the kernel of {self.kernel}, since samples between two "
                f"kernels would be lost, got {self.stride}"
            )
        if self.lstm_layers < 0:
            raise ValueError(f"lstm_layers: expected 0 or more, got {self.lstm_layers}")
        positive(self, "rescale")

    def build(self, audio: AudioFormat) -> "Demucs":
        """The network with fresh weights, drawn from torch's global random state."""
        return Demucs(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(channels=4, depth=2, lstm_layers=1)


class Demucs(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    The mixture is padded with silence on both sides to a length that the layers divide without
    remainder; of the (longer) output the centre is kept.

    With `normalize`, each mixture is brought to mean 0 and standard deviation 1, both measured on
    its mono mixdown, and the estimates are brought back. Given a whole track this is the published
    recipe, which does the same outside of the network with the track's statistics; given a segment,
    the segment's own statistics are taken. Silence stays silence.
    """

    def __init__(self, config: Config, audio_channels: int, num_sources: int) -> None:
        super().__init__()
        self.config = config
        self.num_sources = num_sources
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        widths = _widths(config)
        inputs = [audio_channels, *widths[:-1]]
        outputs = [num_sources * audio_channels, *widths[:-1]]
        for index, width in enumerate(widths):
            self.encoder.append(_encoder_layer(config, inputs[index], width))
            self.decoder.insert(0, _decoder_layer(config, width, outputs[index], last=index == 0))
        self.lstm = BLSTM(widths[-1], config.lstm_layers) if config.lstm_layers else None
        self.upsample = Upsample2() if config.resample else nn.Identity()
        self.downsample = Downsample2() if config.resample else nn.Identity()
        if config.rescale is not None:
            rescale_convolutions(self, config.rescale)

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        if not self.config.normalize:
            return self._separate(mixture)
        mono = mixture.mean(1, keepdim=True)  # (B, 1, T)
        mean = mono.mean(-1, keepdim=True)  # (B, 1, 1)
        std = mono.std(-1, keepdim=True, correction=min(1, mono.shape[-1] - 1))  # (B, 1, 1)
        estimates = self._separate((mixture - mean) / (std + 1e-5))
        return estimates * std[:, None] + mean[:, None]

    def _separate(self, mixture: Tensor) -> Tensor:
        """Pad, apply the layers and trim: (B, C, T) -> (B, S, C, T)."""
        length = mixture.shape[-1]
        padding = self.valid_length(length) - length
        x = F.pad(mixture, (padding // 2, padding - padding // 2))
        x = self.downsample(self._unet(self.upsample(x)))  # (B, S * C, at least T)
        return _centre_trim(x, length).unflatten(1, (self.num_sources, -1))

    def _unet(self, x: Tensor) -> Tensor:
        skips = []
        for encode in self.encoder:
            x = encode(x)
            skips.append(x)
        if self.lstm is not None:
            x = self.lstm(x)
        for decode in self.decoder:
            x = decode(x + _centre_trim(skips.pop(), x.shape[-1]))
        return x

    def valid_length(self, length: int) -> int:
        """The smallest input length, in samples, whose output covers `length` samples.

        Every strided convolution takes such an input without remainder.
        """
        config = self.config
        rate = 2 if config.resample else 1
        lost = config.context - 1 if config.rewrite else 0  # samples per decoder layer
        length *= rate
        for _ in range(config.depth):
            length = max(1, math.ceil((length - config.kernel) / config.stride) + 1) + lost
        for _ in range(config.depth):
            length = (length - 1) * config.stride + config.kernel
        return math.ceil(length / rate)

    def input_length(self, length: int, segment: int) -> int:
        """How much of a track the network wants for a piece of it, where pieces have `segment`."""
        return self.valid_length(length)


def _widths(config: Config) -> list[int]:
    """Channels of the layers, outermost first; each is rounded down before the next grows."""
    widths = [config.channels]
    for _ in range(config.depth - 1):
        widths.append(int(config.growth * widths[-1]))
    return widths


def _encoder_layer(config: Config, inputs: int, width: int) -> nn.Sequential:
    """(B, inputs, T) -> (B, width, about T / stride)."""
    layers: list[nn.Module] = [nn.Conv1d(inputs, width, config.kernel, config.stride), _relu()]
    if config.rewrite:
        layers += _rewrite(config, width, kernel=1)
    return nn.Sequential(*layers)


def _decoder_layer(config: Config, width: int, outputs: int, last: bool) -> nn.Sequential:
    """(B, width, T) -> (B, outputs, about T * stride)."""
    layers = _rewrite(config, width, config.context) if config.rewrite else []
    layers.append(nn.ConvTranspose1d(width, outputs, config.kernel, config.stride))
    if not last:
        layers.append(_relu())
    return nn.Sequential(*layers)


def _rewrite(config: Config, width: int, kernel: int) -> list[nn.Module]:
    """A convolution and its activation that keep the width."""
    if config.glu:
        return [nn.Conv1d(width, 2 * width, kernel), nn.GLU(dim=1)]
    return [nn.Conv1d(width, width, kernel), _relu()]


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)  # no layer before it needs its own output for the gradient


def _centre_trim(x: Tensor, length: int) -> Tensor:
    """The middle `length` samples of (..., T); an odd surplus is one sample larger on the right."""
    return x.narrow(-1, (x.shape[-1] - length) // 2, length)
