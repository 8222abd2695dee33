"""Distance of a frozen network's feature maps, and of their Gram matrices.

Which layers, how a waveform enters and whether layers are summed is not published. Here all maps
count alike, each channel of the audio goes through the network alone, and beside it stands no other
loss: name that one too, as `losses: [{name: l2_freq}, {name: deep_feature}]`. On different scales
the terms need weights: see docs/losses.md.

Source: Gusó et al., On loss functions and evaluation metrics for music source separation, 2022;
Gatys, Ecker, Bethge, A neural algorithm of artistic style, 2015.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Annotated, Self

import torch
from torch import Tensor

from gan_sep.config.loader import Component
from gan_sep.features import music_vgg, tagger
from gan_sep.features.base import FeatureConfig
from gan_sep.losses.base import Loss, ReconstructionLoss
from gan_sep.ranges import SHORTEST_SECONDS, at_least

Network = Annotated[FeatureConfig, Component("features", default="music_vgg")]


@dataclass(frozen=True)
class Config(Loss):
    """mean over maps of features * mean (F_e - F_y)^2 + style * sum (G_e - G_y)^2; 0 at equality.

    F is a map (channels, positions), and G = F F^T / (channels positions) its Gram matrix.
    """

    network: Network = field(default_factory=music_vgg.Config)  # whose maps are compared
    features: float = 0.5  # weight of the squared differences of features
    style: float = 10 / 3  # weight of those of Gram matrices
    # To save time: the length of an excerpt of each item, drawn by its samples; null: all of it.
    seconds: float | None = None
    one_source: bool = False  # to save time: one source of each item, drawn so, stands for all
    sample_rate: int | None = None  # Hz of the signals; null: that of the run

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.features, self.style) < 0 or self.features + self.style == 0:
            raise ValueError(
                "features, style: expected weights of at least 0, not both 0, got "
                f"{self.features} and {self.style}"
            )
        at_least(SHORTEST_SECONDS, self, "seconds")

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
        estimates, sources, chosen = self._drawn(estimates, sources, self.sample_rate)
        with torch.no_grad():
            of_sources = network(sources.flatten(0, 2).unsqueeze(1), self.sample_rate)
        of_estimates = network(estimates.flatten(0, 2).unsqueeze(1), self.sample_rate)
        pairs = zip(of_estimates, of_sources, strict=True)
        values = torch.stack([self._distance(*pair) for pair in pairs]).mean(0)  # (B S C,)
        return values.unflatten(0, estimates.shape[:3]).mean(2) * chosen  # (B, S)

    def _drawn(
        self, estimates: Tensor, sources: Tensor, sample_rate: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What is compared of both, (B, S or 1, C, excerpt), and the factors of sources (B, S).

        Random, but the same for the same item, in whatever batch and process and after resuming.
        """
        B, S, _, T = sources.shape
        factors = sources.new_ones(B, S)
        length = T if self.seconds is None else min(T, round(self.seconds * sample_rate))
        if length == T and not self.one_source:
            return estimates, sources, factors
        bits = sources.float().contiguous().view(torch.int32).sum((1, 2, 3)).tolist()
        places = []
        for item, draw in enumerate(map(Random, bits)):
            start, source = draw.randrange(T - length + 1), draw.randrange(S)
            places.append((item, slice(source, source + 1) if self.one_source else slice(S), start))
            if self.one_source:
                factors[item] = torch.eye(S)[source] * S
        estimates, sources = (
            torch.stack([x[b, s, :, t : t + length] for b, s, t in places])
            for x in (estimates, sources)
        )
        return estimates, sources, factors

    def _distance(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """Maps (N, channels, frames, bands) twice -> (N,)."""
        E, Y = estimates.flatten(2), sources.flatten(2)  # (N, channels, positions)
        features = (E - Y).square().mean((1, 2))
        size = E.shape[1] * E.shape[2]
        style = ((E @ E.mT - Y @ Y.mT) / size).square().sum((1, 2))
        return self.features * features + self.style * style
