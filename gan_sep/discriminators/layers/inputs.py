"""What a discriminator gets: its source's channels in a layout, and beside them the mixture, if
conditioned.

A discriminator that gets only its source can say whether that sounds like music. One that gets the
mixture too can say whether it is what the mixture holds: bleeding and holes become visible where
the two are compared, as in the conditional discriminator of Isola et al., "Image-to-Image
Translation with Conditional Adversarial Networks", 2017. On a CPU the mixture adds a twentieth of a
plain step to one of a small Demucs (16 channels, 16 kHz mono) with discriminators of magnitudes,
and a quarter to two fifths with the others.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, Layout

Transform = Callable[[Tensor], Tensor]  # (B, n, T) -> (B, n*p, ...), each channel by itself


def waveform(signals: Tensor) -> Tensor:
    """The transform of a discriminator that gets the samples as they are."""
    return signals


def input_channels(options: DiscriminatorOptions, audio: AudioFormat) -> int:
    """How many channels a discriminator gets in this format: see `DiscriminatorInput.side_by_side`.

    Raises ValueError where mid and side are asked of mono.
    """
    if options.layout == "mid_side" and audio.channels != 2:
        raise ValueError(
            f"layout: mid_side needs stereo, got audio.channels {audio.channels}; "
            "take channels or mono"
        )
    channels = 1 if options.layout == "mono" else audio.channels
    return 2 * channels if options.conditioned else channels


class DiscriminatorInput(NamedTuple):
    """What all discriminators get: own (B, S*c, T), source by source, and the mixture if any.

    mixture: (B, c, T), the same for all discriminators, or (B, S*c, T), for each its own.
    """

    num_sources: int
    own: Tensor
    mixture: Tensor | None

    def side_by_side(self, transform: Transform = waveform) -> Tensor:
        """For each discriminator its source, then the mixture if any: (B, S*C', ...).

        C' is that of `input_channels`, times p where the transform makes p channels of one. A
        mixture for all discriminators is transformed once.
        """
        own = transform(self.own)  # (B, S*c, ...)
        if self.mixture is None:
            return own
        own = own.unflatten(1, (self.num_sources, -1))  # (B, S, c, ...)
        mixture = transform(self.mixture).unflatten(1, (-1, own.shape[2]))  # (B, 1 or S, c, ...)
        return torch.cat([own, mixture.expand_as(own)], 2).flatten(1, 2)  # (B, S*2c, ...)


def discriminator_input(
    sources: Tensor, mixture: Tensor, options: DiscriminatorOptions
) -> DiscriminatorInput:
    """What discriminators get of sources (B, S, C, T) and of the mixture (B, C, T) that they belong
    to.

    The mixture may also be (B, S, C, T), where something was done to it for each discriminator by
    itself. Raises ValueError where a shape does not fit, or there is no sample.
    """
    _check(sources, mixture)
    num_sources = sources.shape[1]
    own = laid_out(sources, options.layout).flatten(1, 2)  # (B, S*c, T)
    if not options.conditioned:
        return DiscriminatorInput(num_sources, own, None)
    copies = mixture if mixture.ndim == 4 else mixture[:, None]  # (B, 1 or S, C, T)
    return DiscriminatorInput(num_sources, own, laid_out(copies, options.layout).flatten(1, 2))


def is_conditioned(discriminator: nn.Module) -> bool:
    """Whether a network of discriminators, or a member of it, is conditioned on the mixture."""
    configs = (getattr(module, "config", None) for module in discriminator.modules())
    return any(isinstance(each, DiscriminatorOptions) and each.conditioned for each in configs)


def laid_out(signals: Tensor, layout: Layout) -> Tensor:
    """Signals (B, S, C, T) -> (B, S, C', T).

    mono is the mean of the channels; mid_side is mid (L + R) / 2, then side (L - R) / 2. What is
    within full scale stays there.
    """
    if layout == "channels":
        return signals
    if layout == "mono":
        return signals.mean(2, keepdim=True)  # (B, S, 1, T)
    left, right = signals.unbind(2)  # (B, S, T) each
    return torch.stack([left + right, left - right], 2) / 2  # (B, S, 2, T)


def _check(sources: Tensor, mixture: Tensor) -> None:
    shape = tuple(sources.shape)
    if len(shape) != 4 or shape[-1] < 1:
        raise ValueError(
            "discriminator: expected sources (B, S, C, T) of at least one sample, "
            f"got shape {shape}"
        )
    B, _, C, T = shape
    if mixture.shape not in ((B, C, T), shape):
        raise ValueError(
            f"discriminator: expected the mixture {(B, C, T)} of sources {shape}, "
            f"got shape {tuple(mixture.shape)}"
        )
