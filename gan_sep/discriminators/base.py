"""The contract of discriminators: a discriminator of one discriminator per source."""

from typing import NamedTuple, Protocol, Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat


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


class DiscriminatorConfig(Protocol):
    """What a discriminator's `Config` offers; its fields are the YAML keys under `discriminator`.

    The network that `build` returns maps sources (B, S, C, T) and the mixture (B, C, T) that they
    belong to to a `DiscriminatorOutput`. Discriminator k sees source k and no other; of the mixture
    it sees nothing unless the discriminator is conditioned on it.
    """

    def build(self, audio: AudioFormat) -> nn.Module:
        """The discriminator with fresh weights, drawn from torch's global random state."""
        ...

    @property
    def window(self) -> int:
        """How many samples a discriminator takes in at once: its longest window or first kernel.

        It discriminators shorter signals too, with silence around them.
        """
        ...

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        ...
