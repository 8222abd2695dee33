"""Distance of a frozen network's feature maps, and of their Gram matrices.

Which layers, how a waveform enters and whether layers are summed is not published. Here all maps
count alike, each channel of the audio goes through the network alone, and beside it stands no other
loss: name that one too, as `losses: [{name: l2_freq}, {name: deep_feature}]`. On different scales
the terms need weights: see docs/losses.md.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022;
Gatys, Ecker, Bethge, A neural algorithm of artistic style, 2015.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Self

import torch
from torch import Tensor

from gan_sep.config.loader import Component
from gan_sep.features import music_vgg, tagger
from gan_sep.features.base import FeatureConfig
from gan_sep.losses.base import Loss, ReconstructionLoss

Network = Annotated[FeatureConfig, Component("features", default="music_vgg")]


@dataclass(frozen=True)
class Config(Loss):
    """mean over maps of features * mean (F_e - F_y)^2 + style * sum (G_e - G_y)^2; 0 at equality.

    F is a map (channels, positions), and G = F F^T / (channels positions) its Gram matrix.
    """

    network: Network = field(default_factory=music_vgg.Config)  # whose maps are compared
    features: float = 0.5  # weight of the squared differences of features
    style: float = 10 / 3  # weight of those of Gram matrices
    sample_rate: int | None = None  # Hz of the signals; null: that of the run

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.features, self.style) < 0 or self.features + self.style == 0:
            raise ValueError(
                "features, style: expected weights of at least 0, not both 0, got "
                f"{self.features} and {self.style}"
            )

    def build(self, sample_rate: int | None = None) -> ReconstructionLoss:
        """Raises ValueError where the network's weights are missing or do not fit."""
        self.network.build()  # says at once what is missing
        return self if self.sample_rate else replace(self, sample_rate=sample_rate)

    @classmethod
    def tiny(cls) -> Self:
        return cls(network=tagger.Config.tiny(), sample_rate=16000)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        if self.sample_rate is None:
            raise ValueError("deep_feature: sample_rate: expected Hz of the signals, got null")
        network = self.network.build().to(estimates.device)
        with torch.no_grad():
            of_sources = network(sources.flatten(0, 2).unsqueeze(1), self.sample_rate)
        of_estimates = network(estimates.flatten(0, 2).unsqueeze(1), self.sample_rate)
        pairs = zip(of_estimates, of_sources, strict=True)
        values = torch.stack([self._distance(*pair) for pair in pairs]).mean(0)  # (B S C,)
        return values.unflatten(0, estimates.shape[:3]).mean(2)  # (B, S)

    def _distance(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """Maps (N, channels, frames, bands) twice -> (N,)."""
        E, Y = estimates.flatten(2), sources.flatten(2)  # (N, channels, positions)
        features = (E - Y).square().mean((1, 2))
        size = E.shape[1] * E.shape[2]
        style = ((E @ E.mT - Y @ Y.mT) / size).square().sum((1, 2))
        return self.features * features + self.style * style
