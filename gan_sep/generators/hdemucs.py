"""Hybrid Demucs (Demucs v3): a U-Net on the spectrogram and one on the waveform that meet inside.

Source: Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021. Parameters are named as
in the published checkpoints and drawn in the same order.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.generators.layers.hybrid import HybridConfig, HybridUNet, branches_of
from gan_sep.generators.layers.hybrid_layers import Shape


@dataclass(frozen=True)
class Config(HybridConfig):
    """The released model hdemucs_mmi; `layer_scale: 1.0e-4` is the default of the package."""

    time_stride: int = 2  # of the layers behind the meeting of the branches
    lstm_starts: int = 4  # residual branches of layers from this one on have an LSTM
    attention_starts: int = 4  # and local attention

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = self.layers_before_meeting()
        if layers is None or layers > self.depth:
            fitting = [4 * self.stride**n for n in range(2, self.depth + 1)]
            raise ValueError(
                f"n_fft: with stride {self.stride} and depth {self.depth} the branches meet for "
                f"n_fft {', '.join(map(str, fitting))}, got {self.n_fft}"
            )
        if self.time_stride != 1 and (self.time_stride < 1 or self.time_stride % 2):
            raise ValueError(
                f"time_stride: expected 1 or an even number above, got {self.time_stride}"
            )

    def layers_before_meeting(self) -> int | None:
        """Layers until one bin is left and the waveform is as short as the spectrogram."""
        for layers in range(2, 20):
            if 4 * self.stride**layers == self.n_fft:
                return layers
        return None

    def build(self, audio: AudioFormat) -> "HDemucs":
        """The network with fresh weights, drawn from torch's global random state."""
        return HDemucs(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(
            channels=8, depth=3, n_fft=64, norm_starts=1, lstm_starts=1, attention_starts=1,
            compression=2, layer_scale=0.1,
        )  # fmt: skip


class HDemucs(HybridUNet):
    """Mixture (B, C, T) -> estimates (B, S, C, T), any T >= 1; decoders begin from silence."""

    def __init__(self, config: Config, audio_channels: int, num_sources: int) -> None:
        layers = config.layers_before_meeting()
        assert layers is not None
        spectral, time = [], []
        outer, inner = 2 * audio_channels, config.channels
        for index in range(config.depth):
            last = index == layers - 1
            shape = _shape(config, index, outer, inner, layers)
            spectral.append(shape)
            if index < layers:
                time.append(
                    _time_shape(config, shape, audio_channels if index == 0 else outer, last)
                )
            outer, inner = inner, config.growth * inner
        super().__init__(config, spectral, time, num_sources)

    def middle(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(x), xt


def _shape(config: Config, index: int, outer: int, inner: int, layers: int) -> Shape:
    """A layer of the spectral branch, and behind the meeting of both."""
    spectral = index < layers
    stride = config.stride if spectral else config.time_stride
    return Shape(
        outer,
        inner,
        spectral=spectral,
        kernel=2 * stride,
        stride=stride,
        padded=index != layers - 1,
        groups=config.norm_groups if index >= config.norm_starts else 0,
        branches=branches_of(
            config, lstm=index >= config.lstm_starts, attention=index >= config.attention_starts
        ),
    )


def _time_shape(config: Config, spectral: Shape, outer: int, alone: bool) -> Shape:
    """The layer of the time branch beside a spectral one."""
    return Shape(
        outer,
        spectral.inner,
        spectral=False,
        kernel=config.kernel,
        stride=config.stride,
        groups=spectral.groups,
        alone=alone,
        branches=spectral.branches,
    )
