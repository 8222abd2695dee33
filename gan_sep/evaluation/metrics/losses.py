"""The reconstruction losses with their defaults as metrics of whole tracks, named loss_NAME.

Lower is better. NaN where the loss leaves a silent source out, or has no meaning for so few
sources. Formulas and sources: docs/losses.md. deep_feature, which wants weights of another package,
and artefacts, a metric already, are none of them.
"""

from importlib import import_module

import torch
from torch import Tensor

from gan_sep.config.loader import Component
from gan_sep.evaluation.metrics.base import Function, Metric
from gan_sep.losses.base import SILENCE_DB, Loss
from gan_sep.training.silence import audible

_DECIBELS = ("si_sdr", "sd_sdr", "logl")


def metric_of(name: str) -> Function:
    """A loss by its name as a metric: (S, C, T) twice, sample rate -> (S,)."""

    def value(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
        loss: Loss = import_module(f"gan_sep.losses.{name}").Config().build(sample_rate)
        if len(references) < loss.least_sources:
            return references.new_full((len(references),), torch.nan)
        values = loss(estimates[None], references[None])  # (S,)
        if loss.leaves_out_silence:
            values = values.where(audible(references[None], SILENCE_DB)[0], torch.nan)
        return values

    return value


def _entry(name: str) -> Metric:
    title = f"Loss {name}"
    unit = "dB" if name.startswith(_DECIBELS) else ""
    return Metric(f"loss_{name}", metric_of(name), title, "losses", unit, False)


NAMES = [n for n in Component("losses").names() if n not in ("artefacts", "deep_feature")]
METRICS = tuple(_entry(name) for name in NAMES)
