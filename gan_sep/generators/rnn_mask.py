"""DNN, DRNN and stacked RNN with a joint soft mask: spectra of a few frames in, masks out.

Source: Huang, Kim, Hasegawa-Johnson, Smaragdis, "Joint Optimization of Masks and Deep Recurrent
Neural Networks for Monaural Source Separation", 2015. Differences from the published recipe:

- any number of sources, and of channels, which enter and leave side by side
- each mixture's magnitudes are divided by their RMS, so that the estimates follow its level
- recurrent layers are clipped from above as well: masks depend on ratios only, so that nothing else
  keeps a recurrent ReLU from growing with every frame, until long tracks overflow
- Adam, or L-BFGS, on segments that are drawn anew for every step; published was L-BFGS on one
  training set
- losses compare the spectra of the estimated waveforms; published were the masked spectra, of which
  the waveforms are made
"""

from dataclasses import dataclass, field
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.generators.layers.joint_masks import JointMasks, with_context
from gan_sep.ranges import at_least
from gan_sep.spectra import Stft

# The clipped ReLU of recurrent layers of Hannun et al., "Deep Speech", 2014.
_CEILING = 20.0


@dataclass(frozen=True)
class Config:
    """The DRNN-2 as published for MIR-1K."""

    stft: Stft = field(default_factory=lambda: Stft(1024, 512))  # window and hop of the spectrogram
    context: int = 3  # frames in the input, the estimated one in their middle
    hidden: int = 1000  # width of each hidden layer
    layers: int = 3  # hidden ones
    # Hidden layers, counted from 1, whose input is also their own output one frame earlier: [] is
    # the DNN, [k] the DRNN-k, and all of them the stacked RNN.
    recurrent: tuple[int, ...] = (2,)

    def __post_init__(self) -> None:
        if self.context < 1 or self.context % 2 == 0:
            raise ValueError(f"context: expected an odd number of frames, got {self.context}")
        at_least(1, self, "hidden", "layers")
        layers = range(1, self.layers + 1)
        if len(set(self.recurrent)) < len(self.recurrent) or not set(self.recurrent) <= set(layers):
            raise ValueError(
                f"recurrent: expected distinct layers from 1 to {self.layers}, "
                f"got {list(self.recurrent)}"
            )

    def build(self, audio: AudioFormat) -> "RNNMask":
        """The network with fresh weights, drawn from torch's global random state."""
        return RNNMask(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(stft=Stft(64, 32), hidden=8)


class RNNMask(JointMasks):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample."""

    def __init__(self, config: Config, channels: int, num_sources: int) -> None:
        super().__init__(config.stft, num_sources)
        self.config = config
        bins = config.stft.bins
        self.hidden = nn.ModuleList()
        width = channels * bins * config.context
        for layer in range(1, config.layers + 1):
            kind = Recurrent if layer in config.recurrent else Dense
            self.hidden.append(kind(width, config.hidden))
            width = config.hidden
        # One output layer per source, side by side in one matrix.
        self.output = nn.Linear(width, num_sources * channels * bins)

    def outputs(self, magnitude: Tensor) -> Tensor:
        level = magnitude.square().mean((1, 2, 3), keepdim=True).sqrt()  # (B, 1, 1, 1)
        x = with_context(magnitude / (level + 1e-8), self.config.context)  # (B, N, C * F * context)
        for layer in self.hidden:
            x = layer(x)  # (B, N, hidden)
        outputs: Tensor = self.output(x)
        return outputs


class Dense(nn.Module):
    """relu(W x + b) in every frame."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, inputs) -> (B, N, width)."""
        return F.relu(self.linear(x))


class Recurrent(nn.Module):
    """clamp(W x + U h + b, 0, 20), where h is the layer's output one frame earlier, at first 0."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.recurrence = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, N, inputs) -> (B, N, width)."""
        outputs: list[Tensor] = []
        for z in self.linear(x).unbind(1):  # (B, width)
            z = z + self.recurrence(outputs[-1] if outputs else torch.zeros_like(z))
            outputs.append(z.clamp(0, _CEILING))
        return torch.stack(outputs, dim=1)
