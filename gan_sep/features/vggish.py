"""The convolutions of VGGish, with the published front end and names.

Source: Hershey et al., CNN architectures for large-scale audio classification, 2017. The weights
are a file of yours: the state dict of torchvggish, about 288 MB, whose `embeddings` are not read.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_sep.features.base import FeatureConfig, Features, draw, fill, read_weights

WINDOW, HOP, N_FFT = 400, 160, 512
BANDS, LOWEST, HIGHEST = 64, 125.0, 7500.0  # Hz
PATCH = 96  # frames, 0.96 s
_WIDTHS = (64, 128, 256, 256, 512, 512)
_POOLED = (True, True, False, True, False, True)


@dataclass(frozen=True)
class Config(FeatureConfig):
    """4,499,712 weights of six convolutions; 16 kHz."""

    weights: Path | None = None  # a state dict, .pth or .safetensors; null: random
    width: float = 1.0  # times the published channels; other widths are for random weights

    @classmethod
    def tiny(cls) -> Self:
        return cls(width=1 / 16)

    def network(self) -> Features:
        network = Vggish(self.width)
        if self.weights is not None:
            fill(network, read_weights(self.weights), self.weights)
        return network


class Vggish(Features):
    """Feature maps are the six rectified convolutions, (B, channels, frames, bands).

    Only whole patches of 96 frames count, the first of which is filled up with silence.
    """

    least_samples = WINDOW + (PATCH - 1) * HOP
    mel: Tensor

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size = 1
        for channels, pooled in zip(_WIDTHS, _POOLED, strict=True):
            layers.append(nn.Conv2d(size, int(channels * width), 3, padding=1))
            layers.append(nn.ReLU())
            layers += [nn.MaxPool2d(2)] if pooled else []
            size = int(channels * width)
        self.features = nn.Sequential(*layers)
        self.register_buffer("mel", mel_bands(), persistent=False)  # (F, bands)
        draw(self)

    def front_end(self, signal: Tensor) -> Tensor:
        """(B, T) at 16 kHz -> log(mel magnitude + 0.01), (B, patches, 96, 64)."""
        window = torch.hann_window(WINDOW, device=signal.device)
        frames = signal.unfold(-1, WINDOW, HOP) * window  # (B, N, 400), not centred
        mel = torch.fft.rfft(frames, N_FFT).abs() @ self.mel  # (B, N, bands)
        whole = mel.shape[1] // PATCH * PATCH
        return (mel[:, :whole] + 0.01).log().unflatten(1, (-1, PATCH))

    def maps(self, signal: Tensor) -> list[Tensor]:
        patches = self.front_end(signal)  # (B, P, 96, 64)
        x, found = patches.flatten(0, 1).unsqueeze(1), []  # (B P, 1, 96, 64)
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                parts = x.unflatten(0, patches.shape[:2])  # (B, P, channels, frames, bands)
                found.append(parts.transpose(1, 2).flatten(2, 3))  # (B, channels, P frames, bands)
        return found


def mel_bands() -> Tensor:
    """Triangles on the scale of mel, (F, bands), as published: not on that of Hz, without 0 Hz."""
    mel = 1127 * torch.log1p(torch.linspace(0, 8000, N_FFT // 2 + 1, dtype=torch.float64) / 700)
    low, high = (1127 * math.log1p(hz / 700) for hz in (LOWEST, HIGHEST))
    edges = torch.linspace(low, high, BANDS + 2, dtype=torch.float64)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])  # (F, bands)
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    bands = F.relu(torch.minimum(rising, falling))
    bands[0] = 0
    return bands.float()
