"""Differentiable augmentation of what the discriminators get, so that they cannot memorise it.

Real signals and estimates are changed by the same law before they are scored, in both players'
moves, and gradients flow back through the changes to the estimates. In this order, each with the
same probability, for every segment and source by itself:

    shift      turned around in time by any number of samples: what leaves at the end comes in again
               at the beginning
    gain       louder or softer by up to 6 dB, evenly in dB
    polarity   times -1
    band_stop  an octave without sound, anywhere below half the sample rate: its place is even in
               octaves, over eight of them
    time_mask  silence for up to a quarter of the segment, anywhere in it

As long as the probability stays clear of 1, changed signals are equally distributed only where the
unchanged ones are: what tells estimates from real signals can be hidden, but not from all of them,
and the generator is not taught to make the changes.

Sources: Zhao et al., Differentiable augmentation for data-efficient GAN training, 2020; Karras et
al., Training generative adversarial networks with limited data, 2020. These changes of music in
place of theirs of images are this project's choice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from gan_sep.random import draw
from gan_sep.ranges import at_least

Kind = Literal["shift", "gain", "polarity", "band_stop", "time_mask"]
KINDS: tuple[Kind, ...] = get_args(Kind)

STREAMS = {"paired": 16314465, "unpaired": 1033576616}  # of random numbers

GAIN_DB = 6.0
STOP_OCTAVES = 8  # the highest ends at half the sample rate, the lowest eight octaves below it
MASK_SHARE = 0.25


@dataclass(frozen=True)
class InputAugmentation:
    """Raises ValueError naming the field that is out of range."""

    kinds: tuple[Kind, ...] = KINDS  # the changes, each drawn by itself
    probability: float = 0.0  # of each change, at first
    # Each discriminator's probability moves until r_t, the mean sign of D(real) - 0.5, meets this;
    # null keeps it.
    target: float | None = 0.6
    ramp_segments: int = 500_000  # so many real segments take it from 0 to 1

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds: expected some of {', '.join(KINDS)}, got {list(self.kinds)}")
        p, target = self.probability, self.target
        if not 0 <= p <= 1:
            raise ValueError(f"probability: expected 0 to 1, got {p}")
        if target is None and p == 0:
            raise ValueError(
                "probability: expected above 0 where target is null: nothing would be augmented; "
                "augmentation: null asks for that"
            )
        if target is not None and not -1 < target < 1:
            raise ValueError(f"target: expected a mean sign between -1 and 1 or null, got {target}")
        at_least(1, self, "ramp_segments")


def drawn(seed: int, step: int, rows: Iterable[tuple[str, int]], num_sources: int) -> Tensor:
    """What chance decides for segments of a step: (N, S, kinds, 3), uniform in [0, 1).

    rows: the kind of each segment, paired or unpaired, and its number within the step. For each
    kind of change in `KINDS`: whether, where, how much.
    """
    shape = num_sources, len(KINDS), 3
    uniforms = [draw(seed, STREAMS[kind], step, item).random(shape) for kind, item in rows]
    return torch.from_numpy(np.stack(uniforms)).float()


def augmented(
    signals: Tensor, uniforms: Tensor, kinds: Iterable[Kind], probability: Tensor
) -> Tensor:
    """Signals (B, S, C, T), any T -> the same shape, some of them changed.

    uniforms: as `drawn`, on the CPU. probability: (S,), of every change by itself, on the CPU.
    """
    for kind in KINDS:
        if kind in kinds:
            whether, where, size = uniforms[:, :, KINDS.index(kind)].unbind(-1)  # (B, S) each
            chosen = whether < probability  # (B, S)
            signals = _changed(signals, chosen, CHANGES[kind], where, size)
    return signals


def _changed(
    signals: Tensor,
    chosen: Tensor,
    change: Callable[[Tensor, Tensor, Tensor], Tensor],
    where: Tensor,
    size: Tensor,
) -> Tensor:
    """Only what is chosen pays: some changes cost more than scoring."""
    items, sources = chosen.nonzero(as_tuple=True)  # (n,) each
    if not len(items):
        return signals
    device = signals.device
    places = items.to(device), sources.to(device)
    where, size = (values[items, sources].to(device) for values in (where, size))  # (n,) each
    return signals.index_put(places, change(signals[places], where, size))


def _shifted(signals: Tensor, where: Tensor, size: Tensor) -> Tensor:
    """(n, C, T) -> the same, turned around by `where` of the length."""
    T = signals.shape[-1]
    starts = (where * T).long()  # (n,)
    times = (torch.arange(T, device=signals.device) - starts[:, None]) % T  # (n, T)
    return signals.gather(-1, times[:, None].expand_as(signals))


def _louder(signals: Tensor, where: Tensor, size: Tensor) -> Tensor:
    decibels = GAIN_DB * (2 * size - 1)  # (n,)
    return signals * (10 ** (decibels / 20))[:, None, None]


def _turned(signals: Tensor, where: Tensor, size: Tensor) -> Tensor:
    return -signals


def _band_stopped(signals: Tensor, where: Tensor, size: Tensor) -> Tensor:
    """(n, C, T) -> the same without the octave that `where` places."""
    T = signals.shape[-1]
    spectrum = torch.fft.rfft(signals.float())  # (n, C, F)
    shares = torch.linspace(0, 1, spectrum.shape[-1], device=signals.device)  # of half the rate
    low = 2 ** (where * (STOP_OCTAVES - 1) - STOP_OCTAVES)[:, None, None]  # (n, 1, 1)
    kept = (shares < low) | (shares > 2 * low)  # (n, 1, F)
    return torch.fft.irfft(spectrum * kept, T).to(signals.dtype)


def _silenced(signals: Tensor, where: Tensor, size: Tensor) -> Tensor:
    """(n, C, T) -> the same with a stretch of silence, all of it within the segment."""
    length = MASK_SHARE * size  # (n,), of the segment
    start = where * (1 - length)  # (n,)
    shares = torch.arange(signals.shape[-1], device=signals.device) / signals.shape[-1]  # (T,)
    inside = (shares >= start[:, None]) & (shares < (start + length)[:, None])  # (n, T)
    return signals.masked_fill(inside[:, None], 0.0)


CHANGES: dict[Kind, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "shift": _shifted,
    "gain": _louder,
    "polarity": _turned,
    "band_stop": _band_stopped,
    "time_mask": _silenced,
}
