"""The music-tagging VGG with the weights that the package musicnn 0.1.0 carries (licence ISC).

`pip install --no-deps musicnn==0.1.0`: the package wants a TensorFlow of long ago, but its files
are read without it, and nothing of it is imported. Source: Pons, Serra, musicnn: Pre-trained
convolutional neural networks for music audio tagging, 2019.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

from torch import Tensor

from gan_sep.features.base import FeatureConfig, Features
from gan_sep.features.layers.music_tagging import MusicTagging
from gan_sep.features.layers.tensorflow import read_checkpoint

CHANNELS, TAGS = 128, 50
_LAYERS = 5


@dataclass(frozen=True)
class Config(FeatureConfig):
    """607,032 weights of five layers of 128 channels; 16 kHz."""

    # Songs it learned to tag: MagnaTagATune, the Million Song Dataset, or none: random weights.
    weights: Literal["mtt", "msd", "random"] = "mtt"

    @classmethod
    def tiny(cls) -> Self:
        return cls(weights="random")

    def network(self) -> Features:
        network = MusicTagging(CHANNELS, TAGS)
        if self.weights != "random":
            checkpoint = read_checkpoint(_package() / f"{self.weights.upper()}_vgg")
            network.load_state_dict(_renamed(checkpoint), strict=False)
        return network


def _package() -> Path:
    """Where musicnn lies. Raises ValueError where it is not installed."""
    found = find_spec("musicnn")
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            "music_vgg: its weights are those of the package musicnn, which is not installed: "
            "pip install --no-deps musicnn==0.1.0, or choose weights: random"
        )
    return Path(found.submodule_search_locations[0])


def _renamed(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint's names and axes -> ours; the optimizer's entries stay behind."""
    weights = {
        "dense.weight": checkpoint["dense/kernel"].T.contiguous(),  # (in, out) there
        "dense.bias": checkpoint["dense/bias"],
    }
    for layer in range(_LAYERS):
        kernel = checkpoint[f"{layer + 1}CNN/kernel"]  # (3, 3, in, out)
        weights[f"convolutions.{layer}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
        weights[f"convolutions.{layer}.bias"] = checkpoint[f"{layer + 1}CNN/bias"]
    names = {"gamma": "weight", "beta": "bias"}
    names |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    for layer in range(_LAYERS + 1):
        scope = f"batch_normalization_{layer}" if layer else "batch_normalization"
        for theirs, ours in names.items():
            weights[f"norms.{layer}.{ours}"] = checkpoint[f"{scope}/{theirs}"]
    return weights
