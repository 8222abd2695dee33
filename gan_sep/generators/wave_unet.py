"""Wave-U-Net: features of the waveform at ever coarser time scales, and back, with skips between.

Source: Stoller, Ewert and Dixon, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End Audio
Source Separation", 2018; slope of the activations and initial weights as in the authors' code.
Differences from the published network:

- with `context`, the published network reads real music around each segment of training; here a
  generator sees the segment alone, and silence around it
- without, signals are padded to 2^depth k + 1 samples, at any time scale ending on a sample to
  interpolate towards; published were 2^depth k samples, the last of them repeated at each scale
"""

import math
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.ranges import at_least

LEAK = 0.2  # slope of the activations below zero


@dataclass(frozen=True)
class Config:
    """The models M4 (singing voice) and M6 (all sources) as published."""

    depth: int = 12  # how many times the time scale is halved
    filters: int = 24  # of the first layer; every further layer has as many more
    down_kernel: int = 15  # of the convolutions before decimation; odd
    up_kernel: int = 5  # of the convolutions after interpolation; odd
    # Convolve inside the signal only and estimate its middle; false pads every convolution.
    context: bool = True
    # difference: the last source is what the others leave of the mixture; direct: it is estimated.
    output: Literal["difference", "direct"] = "difference"

    def __post_init__(self) -> None:
        at_least(1, self, "depth", "filters")
        for field in ("down_kernel", "up_kernel"):
            if getattr(self, field) < 1 or getattr(self, field) % 2 == 0:
                raise ValueError(
                    f"{field}: expected an odd number of samples, got {getattr(self, field)}"
                )
        if self.output not in ("difference", "direct"):
            raise ValueError(f"output: expected difference or direct, got {self.output!r}")

    def build(self, audio: AudioFormat) -> "WaveUNet":
        """The network with fresh weights, drawn from torch's global random state.

        Raises ValueError where a difference is asked for and there is but one source.
        """
        if self.output == "difference" and len(audio.sources) < 2:
            raise ValueError(
                "output: expected direct for a single source, since a difference output would "
                f"return the mixture as {audio.sources[0]}, got difference"
            )
        return WaveUNet(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(depth=3, filters=4)


class WaveUNet(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    Estimates lie in [-1, 1], the full scale of audio, but for the last one of a difference output.
    """

    def __init__(self, config: Config, channels: int, num_sources: int) -> None:
        super().__init__()
        self.config = config
        self.channels = channels
        widths = [config.filters * level for level in range(1, config.depth + 2)]
        self.down = nn.ModuleList(
            self._conv(inputs, outputs, config.down_kernel)
            for inputs, outputs in zip([channels, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            self._conv(deeper + width, width, config.up_kernel)
            for deeper, width in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        num_outputs = num_sources - 1 if config.output == "difference" else num_sources
        self.output = nn.Conv1d(channels + config.filters, num_outputs * channels, 1)
        self._draw_weights()

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        length = mixture.shape[-1]
        surplus = self.valid_lengths(length)[0] - length
        padded = F.pad(mixture, (surplus // 2, surplus - surplus // 2))
        features = _centre_trim(self._unet(padded), length)  # (B, filters, T)
        estimates = self.output(torch.cat([mixture, features], 1)).tanh()
        estimates = estimates.unflatten(1, (-1, self.channels))  # (B, S or S - 1, C, T)
        if self.config.output == "direct":
            return estimates
        rest = mixture[:, None] - estimates.sum(1, keepdim=True)  # (B, 1, C, T)
        return torch.cat([estimates, rest], 1)

    def _unet(self, x: Tensor) -> Tensor:
        """Features of the middle: (B, C, T) -> (B, filters, T'), both of `valid_lengths`."""
        skips = []
        for convolve in self.down[:-1]:
            x = _activate(convolve(x))
            skips.append(x)
            x = x[..., ::2]
        x = _activate(self.down[-1](x))
        for convolve in self.up:
            x = _interpolate(x)
            x = _activate(convolve(torch.cat([_centre_trim(skips.pop(), x.shape[-1]), x], 1)))
        return x

    def valid_lengths(self, length: int) -> tuple[int, int]:
        """The shortest input, and its output, in samples, whose output covers `length` samples.

        Every decimation keeps the last sample of such an input, and every trim of a skip is as long
        on the left as on the right.
        """
        config = self.config
        lost_down, lost_up = config.down_kernel - 1, config.up_kernel - 1
        if not config.context:
            lost_down = lost_up = 0
        coarsest = length
        for _ in range(config.depth):
            coarsest = math.ceil((coarsest + lost_up + 1) / 2)
        inputs, outputs = coarsest + lost_down, coarsest
        for _ in range(config.depth):
            inputs = 2 * inputs - 1 + lost_down
            outputs = 2 * outputs - 1 - lost_up
        return inputs, outputs

    def _conv(self, inputs: int, outputs: int, kernel: int) -> nn.Conv1d:
        return nn.Conv1d(inputs, outputs, kernel, padding=0 if self.config.context else kernel // 2)

    def _draw_weights(self) -> None:
        """Xavier's uniform distribution, where each source has an output layer; no bias."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d):
                outputs = self.channels if layer is self.output else layer.out_channels
                for weight in layer.weight.split(outputs):
                    nn.init.xavier_uniform_(weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, LEAK, inplace=True)  # no convolution needs its output for the gradient


def _interpolate(x: Tensor) -> Tensor:
    """The mean of every two neighbours between them: (B, C, T) -> (B, C, 2 T - 1)."""
    return F.interpolate(x, size=2 * x.shape[-1] - 1, mode="linear", align_corners=True)


def _centre_trim(x: Tensor, length: int) -> Tensor:
    """The middle `length` samples of (..., T); an odd surplus is one sample larger on the right."""
    return x.narrow(-1, (x.shape[-1] - length) // 2, length)
