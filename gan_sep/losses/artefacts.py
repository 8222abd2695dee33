"""The metric `artefacts` as a loss: musical noise and holes, whatever the gain and other sources.

Alone it teaches no separation: the mixture itself has no artefacts. Name it beside a loss that
does, as `losses: [{name: l2_freq}, {name: artefacts, balance: 0.1}]`, and do not rank an arm that
was trained on it by the metric.

Source: this project, see gan_sep/evaluation/metrics/perceptual.py.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from gan_sep.evaluation.metrics.perceptual import RANGE_DB, mel_powers
from gan_sep.losses.base import Loss, ReconstructionLoss

_QUIET = 1e-10  # power of a band that is silence
_LEAST = 1e-3  # dB, below which there is no gradient


@dataclass(frozen=True)
class Config(Loss):
    """Root mean square in dB of mel bands' differences to what all sources can explain."""

    sample_rate: int | None = None  # Hz of the signals; null: that of the run

    leaves_out_silence: ClassVar[bool] = True

    def build(self, sample_rate: int | None = None) -> ReconstructionLoss:
        return self if self.sample_rate else replace(self, sample_rate=sample_rate)

    @classmethod
    def tiny(cls) -> Self:
        return cls(sample_rate=1000)

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        if self.sample_rate is None:
            raise ValueError("artefacts: sample_rate: expected Hz of the signals, got null")
        mels = [
            torch.stack([mel_powers(*each, self.sample_rate) for each in zip(*pair, strict=True)])
            for pair in zip(sources.transpose(1, 2), estimates.transpose(1, 2), strict=True)
        ]
        estimated, fitted = torch.stack(mels).unbind(2)  # each (B, C, S, M, N)
        floor = estimated.mean((1, 3, 4), keepdim=True) * 10 ** (-RANGE_DB / 10) + _QUIET
        levels = 10 * torch.log10((estimated + floor) / (fitted + floor))
        return levels.square().mean((1, 3, 4)).clamp_min(_LEAST**2).sqrt()  # (B, S)
