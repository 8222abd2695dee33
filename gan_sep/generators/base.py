"""The contract of generators."""

from typing import Protocol, Self

from torch import nn

from gan_sep.audio import AudioFormat


class GeneratorConfig(Protocol):
    """What a generator's `Config` dataclass offers; its fields are the YAML keys under `generator`.

    The network that `build` returns maps a mixture (B, C, T) to estimates (B, S, C, T):
    same T, for any T. It may have a method `input_length(length, segment)`: how many samples it
    wants for a piece of `length` samples of a track that is cut into pieces of `segment`.
    """

    def build(self, audio: AudioFormat) -> nn.Module:
        """The network with fresh weights, drawn from torch's global random state."""
        ...

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        ...
