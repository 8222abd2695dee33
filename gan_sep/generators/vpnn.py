"""VPNN: masks from a network of vector product neurons, for which magnitudes become 3-vectors.

Source: Fan, Chan, Yang, Jang, "Music Signal Processing Using Vector Product Neural Networks", 2017.
Differences from the published recipe:

- any number of sources, and of channels, whose bins enter and leave side by side
- each mixture's magnitudes are divided by their RMS (context) or their maximum (colour), so that
  the estimates follow its level; how magnitudes came into [0, 1] is not known to us
- of the last layer's outputs only what becomes a magnitude is computed
- hidden layers have ReLUs, which in short trials on MIR-1K separated better than tanh and sigmoid;
  which activation was used is not known to us
- Adam on batches of segments
- losses compare the spectra of the estimated waveforms; published was the squared error of the
  masked magnitudes, of which the waveforms are made
"""

from dataclasses import dataclass, field
from typing import Literal, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.generators.layers.joint_masks import JointMasks, with_context
from gan_sep.generators.layers.vector_product import VectorProduct
from gan_sep.ranges import at_least
from gan_sep.spectra import Stft

# The published bias of the colours: red fills up to here, green to twice this, blue the rest.
COLOUR_BIAS = 0.0938

# What makes a magnitude of a 3-vector, by a scalar product: the present frame, or the inverse of
# the colours.
_TO_REAL = {
    "context": (0.0, 1.0, 0.0),
    "colour": (COLOUR_BIAS, COLOUR_BIAS, 1 - 2 * COLOUR_BIAS),
}


@dataclass(frozen=True)
class Config:
    """The WVPNN as published for iKala; with colour vectors, the CVPNN."""

    stft: Stft = field(default_factory=lambda: Stft(1024, 256))  # window and hop of the spectrogram
    # context makes a bin's vector of its magnitudes in the previous, the present and the next frame
    # (WVPNN); colour makes it of the present magnitude's colour (CVPNN).
    vectors: Literal["context", "colour"] = "context"
    hidden: int = 512  # neurons in each hidden layer
    layers: int = 3  # hidden ones

    def __post_init__(self) -> None:
        if self.vectors not in _TO_REAL:
            raise ValueError(f"vectors: expected context or colour, got {self.vectors!r}")
        at_least(1, self, "hidden", "layers")

    def build(self, audio: AudioFormat) -> "VPNN":
        """The network with fresh weights, drawn from torch's global random state."""
        return VPNN(self, audio.channels, len(audio.sources))

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(stft=Stft(64, 16), hidden=8)


class VPNN(JointMasks):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    As published, for mono and two sources, 3.94 million parameters.
    """

    to_real: Tensor

    def __init__(self, config: Config, channels: int, num_sources: int) -> None:
        super().__init__(config.stft, num_sources)
        self.config = config
        bins = config.stft.bins
        widths = [channels * bins] + config.layers * [config.hidden]
        self.hidden = nn.ModuleList(VectorProduct(inputs, config.hidden) for inputs in widths[:-1])
        # One output layer per source, side by side in one.
        self.output = VectorProduct(config.hidden, num_sources * channels * bins)
        self.register_buffer("to_real", torch.tensor(_TO_REAL[config.vectors]), persistent=False)

    def outputs(self, magnitude: Tensor) -> Tensor:
        to_vectors = context_vectors if self.config.vectors == "context" else colour_vectors
        v = to_vectors(magnitude)  # (B, N, C * F, 3)
        for layer in self.hidden:
            v = F.relu(layer(v))  # (B, N, hidden, 3)
        return self.output.along(v, self.to_real)


def context_vectors(magnitude: Tensor) -> Tensor:
    """Each bin in the previous, the present and the next frame: (B, C, F, N) -> (B, N, C * F, 3).

    In units of the mixture's RMS; frames outside are silent.
    """
    level = magnitude.square().mean((1, 2, 3), keepdim=True).sqrt()  # (B, 1, 1, 1)
    return with_context(magnitude / (level + 1e-8), 3).unflatten(-1, (-1, 3))


def colour_vectors(magnitude: Tensor) -> Tensor:
    """The colour of each bin: (B, C, F, N) -> (B, N, C * F, 3), white where the mixture peaks."""
    peak = magnitude.amax((1, 2, 3), keepdim=True)  # (B, 1, 1, 1)
    share = rearrange(magnitude / peak.clamp(min=1e-8), "b c f n -> b n (c f)")
    return to_colour(share)


def to_colour(x: Tensor) -> Tensor:
    """Numbers in [0, 1] as red, green and blue in [0, 1], filled one after the other.

    x: (...) -> (..., 3). The inverse, n red + n green + (1 - 2 n) blue with n = COLOUR_BIAS, is
    exact.
    """
    n = COLOUR_BIAS
    colours = x / n, (x - n) / n, (x - 2 * n) / (1 - 2 * n)
    return torch.stack(colours, dim=-1).clamp(0, 1)
