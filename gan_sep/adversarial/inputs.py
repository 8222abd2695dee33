"""What the discriminators receive in training: which segments count, which part of each, and how it
is changed.

A source and its estimate are always treated alike, and so are all real and all estimated signals as
populations: nothing that is done here tells them apart. Whatever is drawn is drawn for each segment
by its number in the step: neither accumulation nor the number of processes nor resuming changes it.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.augmentation import augmented, drawn
from gan_sep.adversarial.config import Adversarial
from gan_sep.adversarial.instance_noise import white_noise
from gan_sep.audio import AudioFormat
from gan_sep.random import draw
from gan_sep.training.batch import Batch, Place
from gan_sep.training.silence import audible

CROPS = {"paired": 898746547, "unpaired": 2794916546}  # streams of random numbers


class Input(NamedTuple):
    """Signals (N, S, C, T) to score, their mixtures, and what each counts.

    mixture: (N, C, T), or (N, S, C, T) where each discriminator's is changed by itself.
    weights: (N, S), as `Scored` has them.
    """

    signals: Tensor
    mixture: Tensor
    weights: Tensor


class Inputs:
    """Mask, crop, level, augmentation and noise, as the settings ask for them."""

    def __init__(
        self,
        settings: Adversarial,
        audio: AudioFormat,
        seed: int,
        conditioned: bool = False,
        probability: AdaptiveProbability | None = None,
    ) -> None:
        """conditioned: whether they get mixtures; probability: of augmentation, if any."""
        self.settings = settings
        self.seed = seed
        self.conditioned = conditioned
        self.probability = probability
        crop = settings.crop_seconds
        self.crop_samples = None if crop is None else audio.samples(crop)

    def __call__(self, batch: Batch, estimates: Tensor, place: Place) -> tuple[Input, Input]:
        """A micro-batch and its estimates (N, S, C, T) -> real and estimated input.

        Gradients flow through to the estimates. Unpaired stems belong to a mixture that nobody
        separates: their sum.
        """
        rows = batch.numbers(place)
        sources, mixture = batch.sources, batch.mixture
        if self.crop_samples is not None:
            starts = self._starts(rows, sources.shape[-1], place.step)
            sources, mixture, estimates = (
                cropped(each, starts, self.crop_samples) for each in (sources, mixture, estimates)
            )
        real, fake = self._weights(batch, sources, estimates)  # (N, S)
        alike = Input(sources, sources.sum(1), real), Input(estimates, mixture, fake)
        changed = [self._levelled(each) for each in alike]
        if self.probability is not None:
            changed = self._augmented(changed, rows, place.step, self.probability)
        noisy = self._noisy(changed, rows, place.step)
        return noisy[0], noisy[1]

    def _weights(self, batch: Batch, sources: Tensor, estimates: Tensor) -> tuple[Tensor, Tensor]:
        """What each source and each estimate counts, (N, S).

        An estimate of a paired mixture counts where its true source sounds; that of an unpaired
        one, whose stems nobody knows, where it sounds itself.
        """
        kinds = batch.kinds()
        shares = [1 / (count * len(kinds)) for count in kinds.values() for _ in range(count)]
        share = torch.tensor(shares, device=sources.device)[:, None]  # (N, 1)
        real = audible(sources, self.settings.silence_db)  # (N, S)
        found = audible(estimates[batch.num_paired :], self.settings.silence_db)  # (U, S)
        return share * real, share * torch.cat([real[: batch.num_paired], found])

    def _starts(self, rows: Sequence[tuple[str, int]], num_samples: int, step: int) -> list[int]:
        """The first sample of each segment's crop."""
        assert self.crop_samples is not None
        return [
            crop_start(num_samples, self.crop_samples, self.seed, CROPS[kind], step, number)
            for kind, number in rows
        ]

    def _levelled(self, given: Input) -> Input:
        signals, mixture = (
            levelled(each, self.settings) for each in (given.signals, given.mixture)
        )
        return given._replace(signals=signals, mixture=mixture)

    def _augmented(
        self,
        alike: list[Input],
        rows: Sequence[tuple[str, int]],
        step: int,
        probability: AdaptiveProbability,
    ) -> list[Input]:
        """The same changes to a source, its estimate and, for its discriminator, the mixture."""
        S = alike[0].signals.shape[1]
        uniforms = drawn(self.seed, step, rows, S)  # (N, S, kinds, 3)
        change = partial(
            augmented,
            uniforms=uniforms,
            kinds=probability.settings.kinds,
            probability=probability.values,
        )
        changed = []
        for each in alike:
            mixture = each.mixture  # (N, C, T)
            if self.conditioned:
                mixture = change(mixture[:, None].expand(-1, S, -1, -1))  # (N, S, C, T)
            changed.append(each._replace(signals=change(each.signals), mixture=mixture))
        return changed

    def _noisy(self, alike: list[Input], rows: Sequence[tuple[str, int]], step: int) -> list[Input]:
        """The same noise on a source and its estimate, none on mixtures."""
        noise, first = self.settings.instance_noise, self.settings.first_discriminator_step
        amplitude = 0.0 if noise is None else noise.amplitude(step, first)
        if not amplitude:
            return alike
        added = amplitude * white_noise(alike[0].signals, self.seed, step, rows)
        return [each._replace(signals=each.signals + added) for each in alike]


def levelled(signals: Tensor, settings: Adversarial) -> Tensor:
    """Signals (..., C, T), each over its RMS of channels and time, where the settings ask for it.

    Then loudness is no evidence. What lies below silence_db is raised as if it lay there, so that
    silence stays silence. Gradients flow through the RMS too: along a signal itself they are zero.
    The diagnosis does the same: this is what discriminators are given at any time.
    """
    floor_db = settings.silence_db
    if not settings.level_normalisation or floor_db is None:
        return signals
    power = signals.square().mean((-2, -1), keepdim=True)  # (..., 1, 1)
    return signals / power.clamp_min(10 ** (floor_db / 10)).sqrt()


def cropped(signals: Tensor, starts: Sequence[int], num_samples: int) -> Tensor:
    """Signals (N, ..., T) -> (N, ..., num_samples), segment by segment from its start.

    A discriminator of short crops has less around each moment of music to know it by again, and
    costs less.
    """
    pairs = zip(signals, starts, strict=True)
    return torch.stack([segment[..., start : start + num_samples] for segment, start in pairs])


def crop_start(
    num_samples: int, crop_samples: int, seed: int, purpose: str | int, *counters: int
) -> int:
    """The first sample of a crop, all those from which it is whole being equally likely."""
    return int(draw(seed, purpose, *counters).integers(num_samples - crop_samples + 1))
