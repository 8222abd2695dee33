"""What the discriminators of convolutions share: a chain per source, and several outputs made one.

All sources lie side by side on the channel axis, source by source; grouped convolutions keep them
apart, so that one pass serves all. There is no norm of activations: a score must not depend on the
rest of the batch, and the level of a signal is evidence. Weights are normalised instead, as in the
discriminators of HiFi-GAN, EnCodec and DAC (Salimans and Kingma, "Weight Normalization: A Simple
Reparameterization to Accelerate Training of Deep Neural Networks", 2016).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.inputs import input_channels
from gan_sep.discriminators.layers.spectral_norm import spectrally_normalised

FIRST_KERNEL = 15  # of the layers of waveforms
LEAK = 0.1  # slope of the activations below zero


class Layer(NamedTuple):
    """A convolution: its width for each source, its kernel and stride along each axis.

    Kernels are odd, and of at least 2 stride - 1 positions: each reaches the centre of its
    neighbours, so that every position is seen, the last ones of a signal too.
    """

    width: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]


class SourceChains(nn.Module):
    """One chain of convolutions per source: (B, S*C, ...) -> DiscriminatorOutput with logits (B, S,
    ...).

    There are one or two axes after the channels, as many as kernels have. n positions become
    ceil(n / stride), so that no input is too short. The last convolution, of kernel `verdict`,
    makes the logits. spectral_norm normalises by its largest stretch what weight normalisation
    normalises by its length.
    """

    def __init__(
        self,
        num_sources: int,
        channels: int,
        layers: Sequence[Layer],
        verdict: tuple[int, ...],
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.num_sources = num_sources
        inputs = [channels, *(layer.width for layer in layers)]
        self.layers = nn.ModuleList(
            _convolution(num_sources, narrow, layer, spectral_norm)
            for narrow, layer in zip(inputs, layers, strict=False)
        )
        last = Layer(1, verdict, (1,) * len(verdict))
        self.verdict = _convolution(num_sources, inputs[-1], last, spectral_norm)

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        features = []
        for convolve in self.layers:
            x = F.leaky_relu(convolve(x), LEAK, inplace=True)  # (B, S*width, ...)
            features.append(rearrange(x, "b (s width) ... -> b s width ...", s=self.num_sources))
        return DiscriminatorOutput(self.verdict(x), features)


def source_chains(
    options: DiscriminatorOptions,
    audio: AudioFormat,
    count: int,
    layers: Sequence[Layer],
    verdict: tuple[int, ...],
    parts: int = 1,
) -> nn.ModuleList:
    """So many alike `SourceChains`; parts: channels that their transform makes of each.

    Raises ValueError where mid and side are asked of mono.
    """
    channels = parts * input_channels(options, audio)
    sources = len(audio.sources)
    return nn.ModuleList(
        SourceChains(sources, channels, layers, verdict, options.spectral_norm)
        for _ in range(count)
    )


def joined(outputs: Sequence[DiscriminatorOutput]) -> DiscriminatorOutput:
    """Several outputs of the same sources as one: logits (B, S, n), and all features.

    Each has the same say, whatever its number of logits: n is the number of outputs times the
    largest number of logits, and the others repeat theirs, as evenly as whole numbers allow.
    """
    flat = [output.logits.flatten(2) for output in outputs]  # (B, S, n_i) each
    most = max(logits.shape[2] for logits in flat)
    logits = torch.cat([F.interpolate(each, size=most) for each in flat], 2)  # (B, S, n)
    return DiscriminatorOutput(logits, [f for output in outputs for f in output.features])


def waveform_layers(channels: int, layers: int) -> list[Layer]:
    """An eighth of the positions, then a quarter of these in each further layer.

    The first stride is the largest: at the full rate every channel costs most.
    """
    first, *others = doubled_widths(channels, layers)
    return [Layer(first, (FIRST_KERNEL,), (8,)), *(Layer(width, (7,), (4,)) for width in others)]


def doubled_widths(channels: int, layers: int) -> list[int]:
    """The width of each layer: channels, then twice that of the layer before."""
    return [channels * 2**index for index in range(layers)]


def check_distinct(name: str, values: Sequence[int], least: int) -> None:
    """Raises ValueError where there is no value, one twice, or one below the least."""
    if not values or len(set(values)) < len(values) or min(values) < least:
        raise ValueError(
            f"{name}: expected one or more different numbers of at least {least}, "
            f"got {list(values)}"
        )


def _convolution(groups: int, narrow: int, layer: Layer, spectral_norm: bool) -> nn.Module:
    """(B, groups*narrow, ...) -> (B, groups*width, ...), with silence around the input."""
    kind: Callable[..., nn.Module] = nn.Conv1d if len(layer.kernel) == 1 else nn.Conv2d
    convolution = kind(
        groups * narrow,
        groups * layer.width,
        layer.kernel,
        layer.stride,
        padding=tuple(size // 2 for size in layer.kernel),
        groups=groups,
    )
    return spectrally_normalised(convolution, groups) if spectral_norm else weight_norm(convolution)
