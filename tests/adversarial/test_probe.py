"""Asking the discriminators: what they are asked."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from conftest import MakeExperiment
from torch import Tensor, nn

from gan_sep.adversarial.probe import Probe
from gan_sep.discriminators.base import DiscriminatorOutput


class Half(nn.Module):
    """A generator that gives each of two sources half of the mixture."""

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture[:, None].expand(-1, 2, -1, -1) / 2


class Witness(nn.Module):
    """A discriminator that keeps what it was asked; its scores are the signals' means."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        self.asked.append((sources, mixture))
        return DiscriminatorOutput(sources.mean((2, 3))[..., None], [])


def question(make_experiment: MakeExperiment, *overrides: str) -> tuple[Witness, dict[str, Any]]:
    """A witness of four segments of each split, and the answer."""
    config = make_experiment(*overrides)
    train, valid = (config.data.build(config.audio, split) for split in ("train", "valid"))
    discriminator = Witness()
    measures = Probe(config, train, valid, Accelerator(cpu=True)).question(Half(), discriminator)
    return discriminator, measures


def test_sources_and_estimates_are_asked_with_the_mixture_they_belong_to(
    make_experiment: MakeExperiment,
) -> None:
    discriminator, measures = question(make_experiment)
    assert len(discriminator.asked) == 8
    for signals, mixture in discriminator.asked:
        sources, estimates = signals
        assert torch.equal(mixture[0], sources.sum(0))
        assert torch.equal(mixture[0], mixture[1])
        torch.testing.assert_close(estimates.sum(0), mixture[1])
    assert measures["low"]["real_train"]["count"] == 4


def test_the_same_segments_are_asked_whatever_the_seed(make_experiment: MakeExperiment) -> None:
    first, second = (question(make_experiment, f"seed={seed}")[0] for seed in (0, 1))
    for (one, _), (other, _) in zip(first.asked, second.asked, strict=True):
        assert torch.equal(one, other)


def test_crops_are_asked_where_discriminators_learn_from_crops_and_silence_is_that_of_the_crop(
    make_experiment: MakeExperiment,
) -> None:
    settings = ["adversarial.crop_seconds=0.125", "adversarial.silence_db=-1000"]
    whole, _ = question(make_experiment)
    crops, _ = question(make_experiment, *settings)
    again, _ = question(make_experiment, *settings)
    for (segment, _), (crop, mixture), (other, _) in zip(
        whole.asked, crops.asked, again.asked, strict=True
    ):
        assert crop.shape == (2, 2, 1, 1000)
        assert torch.equal(crop, other)
        assert torch.equal(mixture, crop[:1].sum(1).expand(2, -1, -1))
        places = segment[0].unfold(-1, 1000, 1)  # (S, C, starts, 1000)
        found = (places == crop[0, :, :, None]).all(-1).all(0).all(0)  # (starts,)
        (start,) = found.nonzero()[:, 0].tolist()
        assert torch.equal(crop[1], segment[1, ..., start : start + 1000])


def test_a_crop_in_which_a_source_rests_is_not_counted(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each segment sounds in its first half only; short crops lie in one of the halves."""
    config = make_experiment("adversarial.crop_seconds=0.04", "diagnosis.segments=40")
    tracks = config.data.build(config.audio, "train")
    probe = Probe(config, tracks, tracks, Accelerator(cpu=True))
    halves = torch.cat([torch.ones(2, 1, 2000), torch.zeros(2, 1, 2000)], 2)
    monkeypatch.setattr(probe, "segments", {"train": [halves] * 40, "valid": [halves] * 40})
    counts = probe.question(Half(), Witness())["low"]["real_train"]["count"]
    assert 10 < counts < 32


def test_where_discriminators_learn_at_one_level_they_are_asked_at_it(
    make_experiment: MakeExperiment,
) -> None:
    discriminator, _ = question(make_experiment, "adversarial.level_normalisation=true")
    for signals, mixture in discriminator.asked:
        torch.testing.assert_close(signals.square().mean((2, 3)), torch.ones(2, 2))
        torch.testing.assert_close(mixture.square().mean((1, 2)), torch.ones(2))
