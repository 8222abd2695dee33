"""The contract of feature networks, and their weights: random, or from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchaudio.functional import resample


class Features(nn.Module):
    """Waveform (B, C, T) at any rate -> feature maps, each (B, channels, frames, bands).

    Channels are averaged, the rate is changed by a differentiable low-pass filter, and what is too
    short is followed by silence. Items of a batch do not meet. Built networks are frozen: in
    evaluation mode and without gradients of weights, while those of the waveform pass.
    """

    sample_rate = 16000  # Hz
    least_samples = 1

    def forward(self, waveform: Tensor, sample_rate: int) -> list[Tensor]:
        """Raises ValueError unless the waveform is (B, C, T)."""
        if waveform.ndim != 3:
            shape = tuple(waveform.shape)
            raise ValueError(f"features: expected a waveform (B, C, T), got shape {shape}")
        signal = waveform.float().mean(1)  # (B, T)
        if sample_rate != self.sample_rate:
            signal = resample(signal, sample_rate, self.sample_rate)
        return self.maps(F.pad(signal, (0, max(0, self.least_samples - signal.shape[-1]))))

    def maps(self, signal: Tensor) -> list[Tensor]:
        """(B, T) at the network's own rate -> its feature maps."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """Base of every feature network's `Config`."""

    seed: int = 0  # of random weights

    def network(self) -> Features:
        """The network with the weights that the configuration names."""
        raise NotImplementedError

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, with random weights."""
        return cls()

    def build(self) -> Features:
        """The frozen network. Raises ValueError where its weights are missing or do not fit."""
        return _frozen(self)


@lru_cache(maxsize=4)
def _frozen(config: FeatureConfig) -> Features:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = config.network()
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def draw(network: nn.Module) -> None:
    """Random weights that keep the level of signals from layer to layer (He et al., 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a state dict of torch; no code of it is run.

    Raises ValueError where there is no such file, or it holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"weights: {path}: no such file") from None
    except (OSError, SafetensorError) as error:
        raise ValueError(f"weights: {path}: damaged or no file of weights") from error
    except Exception as error:  # what torch's unpickler raises is not said anywhere
        if "weights_only" not in str(error).lower():
            raise ValueError(f"weights: {path}: damaged or no file of weights") from error
        raise ValueError(
            f"weights: {path}: holds more than tensors, which could run code; save its state dict "
            "alone, as .safetensors"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"weights: {path}: expected tensors by name, found something else")
    return state


def fill(network: nn.Module, weights: Mapping[str, Tensor], origin: Path) -> None:
    """Give a network weights of its very names and shapes. Raises ValueError naming the first."""
    for name, own in network.state_dict().items():
        found = tuple(weights[name].shape) if name in weights else "none"
        if found != tuple(own.shape):
            raise ValueError(
                f"weights: {origin}: {name}: expected shape {tuple(own.shape)}, got {found}"
            )
    network.load_state_dict(weights, strict=False)
