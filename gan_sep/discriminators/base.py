"""The contract of discriminators: one network that holds one discriminator per source."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.ranges import at_least

Layout = Literal["channels", "mono", "mid_side"]


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of a batch of sources.

    logits: (B, S, ...), one or several values per source, near 1 for real and 0 for estimated ones.
    features: the inner layers' activations, each (B, S, ...).
    """

    logits: Tensor
    features: list[Tensor]

    def scores(self) -> Tensor:
        """One score per source: the mean of its logits, (B, S)."""
        return self.logits.flatten(2).mean(-1)  # (B, S)


@dataclass(frozen=True, kw_only=True)
class DiscriminatorOptions:
    """Base of the `Config` of every network of its own: the options that all of them share."""

    channels: int = 4  # the width of the first layer, for each source; doubled in each further one
    layers: int = 3  # how many, before the one that makes the logits
    layout: Layout = "channels"  # the source's channels, their mean (mono), or their mid and side
    conditioned: bool = False  # whether each discriminator gets the mixture beside its source
    spectral_norm: bool = False  # of the weights, in place of the network's own normalisation

    def __post_init__(self) -> None:
        at_least(1, self, "channels", "layers")


class DiscriminatorConfig(Protocol):
    """What a discriminator's `Config` offers; its fields are the YAML keys under `discriminator`.

    The network that `build` returns maps sources (B, S, C, T) and the mixture (B, C, T) that they
    belong to to a `DiscriminatorOutput`. Discriminator k sees source k and no other; of the mixture
    it sees nothing unless the discriminator is conditioned on it.
    """

    def build(self, audio: AudioFormat) -> nn.Module:
        """One discriminator per source, with weights drawn from torch's global random state.

        Raises ValueError where an option does not fit the format.
        """

    @property
    def window(self) -> int:
        """How many samples a discriminator takes in at once: its longest window or first kernel.

        Shorter signals are scored too, with silence around them.
        """

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
