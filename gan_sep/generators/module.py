"""Any network that can be imported: a class of a package or of a file of your own.

The class is imported and called when the network is built, which runs its package's code: a run's
folder or an export that names a module is loaded only where the user says so.
"""

import importlib
import re
from dataclasses import dataclass, field
from typing import Any, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.ranges import at_least, positive

_PATH = re.compile(r"[\w.]+:\w+")


@dataclass(frozen=True)
class Config:
    """Where the class is, what it is called with, and what it gives back."""

    path: str = ""  # MODULE:CLASS, for example "bs_roformer:BSRoformer"; has to be said
    # What the class is called with. In it, "$sources" stands for the names of the sources,
    # "$num_sources", "$channels" and "$sample_rate" for the numbers of `audio`, "$estimates" for
    # sources times channels; lists arrive as tuples.
    arguments: dict[str, Any] = field(default_factory=dict)
    # The axes of its output, for mixtures "b c t": s sources, c channels, t samples, as of einops.
    output: str = "b s c t"
    multiple: int = 1  # samples; mixtures are extended by silence to a multiple, estimates cut
    shortest: int = 1  # samples; shorter mixtures are extended to so many
    probe_seconds: float = 1.0  # of the noise that a new network is tried with

    def __post_init__(self) -> None:
        if self.path and not _PATH.fullmatch(self.path):
            raise ValueError(f"path: expected MODULE:CLASS, got {self.path!r}")
        if sorted(re.findall(r"\w+", self.output)) not in (["b", "c", "s", "t"], ["b", "s", "t"]):
            raise ValueError(
                "output: expected the axes b, s, c and t in some order, such as 'b (s c) t', or "
                f"b, s and t of mono estimates, got {self.output!r}"
            )
        at_least(1, self, "multiple", "shortest")
        positive(self, "probe_seconds")

    def build(self, audio: AudioFormat) -> "Module":
        """The network, as its class draws its weights from torch's global random state.

        Raises ValueError where the path leads to no subclass of torch.nn.Module, where the class
        cannot be called, or where the network breaks the contract on a probe of noise.
        """
        network_class = _class_at(self.path)
        try:
            network = network_class(**_filled(self.arguments, audio))
        except Exception as error:
            raise ValueError(
                f"generator.arguments: {self.path} cannot be called with them: "
                f"{type(error).__name__}: {_line(error)}"
            ) from error
        module = Module(network, self, audio)
        module.probe(audio.samples(self.probe_seconds) | 1, audio.channels)
        return module

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        arguments = {"in_channels": "$channels", "out_channels": "$estimates", "kernel_size": 1}
        return cls("torch.nn:Conv1d", arguments, "b (s c) t", probe_seconds=0.1)


class Module(nn.Module):
    """A network of others behind the contract: mixture (B, C, T) -> estimates (B, S, C, T)."""

    def __init__(self, network: nn.Module, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.network = network
        self.pattern = f"{config.output} -> b s c t"
        self.multiple, self.shortest = config.multiple, config.shortest
        self.sizes = {"s": len(audio.sources), "c": audio.channels}
        if not re.search(r"\bc\b", config.output):
            self.pattern = f"{config.output} -> b s 1 t"
            self.sizes.pop("c")

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        length = mixture.shape[-1]
        padded = max(length, self.shortest)
        padded += -padded % self.multiple
        found = self.network(F.pad(mixture, (0, padded - length)))
        estimates: Tensor = rearrange(found, self.pattern, **self.sizes)
        return estimates[..., :length] if estimates.shape[-1] == padded else estimates

    def probe(self, samples: int, channels: int) -> None:
        """ValueError where two items of noise do not give two of estimates of their length."""
        mixture = torch.randn(2, channels, samples, generator=torch.Generator().manual_seed(0))
        expected = (2, self.sizes["s"], channels, samples)
        training = self.training
        try:
            with torch.no_grad():
                found = tuple(self.eval()(0.1 * mixture).shape)
        except Exception as error:
            raise ValueError(
                f"generator: expected estimates of a mixture of shape {tuple(mixture.shape)}, got "
                f"{type(error).__name__}: {_line(error)}; is generator.output right?"
            ) from error
        finally:
            self.train(training)
        if found != expected:
            raise ValueError(
                f"generator: expected estimates (B, S, C, T) = {expected} of a mixture of shape "
                f"{tuple(mixture.shape)}, got {found}; generator.multiple extends mixtures for a "
                "network that wants certain lengths"
            )


def require_trust(generator: object, where: object, trusted: bool) -> None:
    """ValueError where a network would be imported that the user did not name."""
    if isinstance(generator, Config) and not trusted:
        raise ValueError(
            f"{where}: its network is {generator.path}, which would be imported and called; say "
            "--trust-module (in Python, trust_module=True) if you trust it"
        )


def _class_at(path: str) -> type[nn.Module]:
    if not path:
        raise ValueError("generator.path: expected MODULE:CLASS, got nothing")
    module, name = path.split(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"generator.path: {path} cannot be imported: {_line(error)}; install its package, or "
            "put its folder on PYTHONPATH"
        ) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ValueError(f"generator.path: expected a class of torch.nn.Module, got {path}")
    return found


def _filled(value: Any, audio: AudioFormat) -> Any:
    """Arguments with the audio format's values in the places of their names."""
    if isinstance(value, dict):
        return {key: _filled(each, audio) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_filled(each, audio) for each in value)
    known = {
        "$sources": audio.sources,
        "$num_sources": len(audio.sources),
        "$channels": audio.channels,
        "$sample_rate": audio.sample_rate,
        "$estimates": len(audio.sources) * audio.channels,
    }
    return known.get(value, value) if isinstance(value, str) else value


def _line(error: Exception) -> str:
    """What an error says, in one line of moderate length."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
