"""What the discriminators receive in training."""

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.augmentation import KINDS, InputAugmentation, Kind
from gan_sep.adversarial.inputs import Input, Inputs, crop_start, levelled
from gan_sep.adversarial.instance_noise import InstanceNoise
from gan_sep.audio import AudioFormat
from gan_sep.config.run import Adversarial
from gan_sep.training.batch import Batch, Place

AUDIO = AudioFormat(1000, 1, ("low", "high"))
T = 400


def noise(items: int, seed: int = 0) -> Tensor:
    """Two sources, one of them soft."""
    random = torch.Generator().manual_seed(seed)
    level = torch.tensor([0.5, 0.01]).reshape(2, 1, 1)
    return level * torch.randn(items, 2, 1, T, generator=random)


PAIRED = Batch.of(noise(3))
BOTH = Batch.of(noise(4), (noise(2, seed=2).sum(1), noise(2, seed=3)))
ESTIMATES = noise(6, seed=4)


def given(
    settings: Adversarial, batch: Batch = BOTH, estimates: Tensor = ESTIMATES, **place: int
) -> tuple[Input, Input]:
    """What discriminators of seed 5 receive in step 7."""
    estimates = estimates[: len(batch.sources)]
    return Inputs(settings, AUDIO, 5)(batch, estimates, Place(**({"step": 7} | place)))


def rms(signals: Tensor) -> Tensor:
    return signals.square().mean((-2, -1)).sqrt()


def constant(*levels: float) -> Tensor:
    """Sources of these levels, one segment: (1, S, 1, 4)."""
    return torch.tensor(levels).reshape(1, -1, 1, 1).expand(-1, -1, -1, 4)


def test_real_sources_belong_to_their_sum_and_estimates_to_what_they_were_made_from() -> None:
    batch = Batch.of(constant(0.5, 0.0), (constant(8.0)[:, 0], constant(0.25, 0.5)))
    estimates = torch.cat([constant(0.375, 0.125), constant(5.0, 0.0)])  # of mixtures 0.5 and 8
    real, fake = Inputs(Adversarial(), AUDIO, 5)(batch, estimates, Place(0))
    assert torch.equal(real.signals, batch.sources)
    assert real.mixture[:, 0, 0].tolist() == [0.5, 0.75]
    assert torch.equal(fake.signals, estimates)
    assert fake.mixture[:, 0, 0].tolist() == [0.5, 8.0]
    # Estimates count where the true source sounds, or, if it is unknown, where they do themselves;
    # both kinds weigh one half.
    assert real.weights.tolist() == [[0.5, 0.0], [0.5, 0.5]]
    assert fake.weights.tolist() == [[0.5, 0.0], [0.5, 0.0]]


def test_each_kind_weighs_the_same_whatever_its_number_of_segments() -> None:
    real, fake = given(Adversarial(silence_db=None))
    assert real.weights[:, 0].tolist() == pytest.approx([1 / 8] * 4 + [1 / 4] * 2)
    assert torch.equal(real.weights, fake.weights)
    alone, _ = given(Adversarial(silence_db=None), PAIRED)
    assert alone.weights[:, 0].tolist() == pytest.approx([1 / 3] * 3)


def test_without_any_setting_signals_stay_as_they_are() -> None:
    real, fake = given(Adversarial())
    assert real.signals is BOTH.sources
    assert fake.signals is not None
    assert torch.equal(fake.signals, ESTIMATES)
    assert fake.mixture is BOTH.mixture


def ramps(items: int) -> Tensor:
    """Sources (items, 2, 1, T) whose samples say where they are from: place, item in thousands."""
    places = 1000.0 * torch.arange(items).reshape(-1, 1, 1, 1) + torch.arange(T)
    return places.expand(items, 2, 1, T)


RAMPS = Batch.of(ramps(4), (ramps(2)[:, 0], ramps(2)))
RAMP_ESTIMATES = RAMPS.sources.clone()
CROPS = Adversarial(crop_seconds=0.04)  # 40 samples


def test_all_that_belongs_to_a_segment_is_cropped_at_one_place() -> None:
    real, fake = given(CROPS, RAMPS, RAMP_ESTIMATES)
    assert real.signals.shape == (6, 2, 1, 40)
    assert torch.equal(real.signals, fake.signals)
    assert torch.equal(fake.mixture[4:], real.signals[4:, 0])
    for item, source in enumerate(real.signals[:4, 0, 0]):
        start = int(source[0]) - 1000 * item
        assert torch.equal(source, RAMPS.sources[item, 0, 0, start : start + 40])


def test_every_segment_of_every_step_has_a_place_of_its_own() -> None:
    firsts = [
        given(CROPS, RAMPS, RAMP_ESTIMATES, step=step)[1].signals[:, 0, 0, 0] % 1000
        for step in range(5)
    ]
    assert len(set(torch.stack(firsts).flatten().tolist())) > 25  # of 30


@pytest.mark.parametrize(
    "settings",
    [CROPS, Adversarial(instance_noise=InstanceNoise(until_step=14))],
    ids=["crops", "noise"],
)
def test_micro_batches_and_processes_that_share_a_step_get_what_one_gets(
    settings: Adversarial,
) -> None:
    whole, _ = given(settings, Batch.of(ramps(4)), ramps(4))
    parts = [
        given(settings, Batch.of(ramps(4)[i : i + 2]), ramps(4)[i : i + 2], before=i // 2)[0]
        for i in (0, 2)
    ]
    assert torch.equal(torch.cat([part.signals for part in parts]), whole.signals)
    both, _ = given(settings, RAMPS, RAMP_ESTIMATES)
    assert torch.equal(both.signals[:4], whole.signals)


def test_every_whole_crop_is_as_likely_as_any_other() -> None:
    starts = [crop_start(6, 4, 0, "purpose", item) for item in range(600)]
    assert set(starts) == {0, 1, 2}
    assert all(150 < starts.count(start) < 250 for start in range(3))
    assert crop_start(6, 6, 0, "purpose", 0) == 0


def test_at_one_level_neither_a_source_nor_its_mixture_can_be_told_by_loudness() -> None:
    plain, _ = given(Adversarial())
    for each in given(Adversarial(level_normalisation=True)):
        torch.testing.assert_close(rms(each.signals), torch.ones(6, 2))
        torch.testing.assert_close(rms(each.mixture), torch.ones(6))
        assert torch.equal(each.weights, plain.weights)


def normalised(signals: torch.Tensor, floor_db: float) -> torch.Tensor:
    return levelled(signals, Adversarial(level_normalisation=True, silence_db=floor_db))


def test_every_signal_above_the_floor_has_an_rms_of_one_over_channels_and_time() -> None:
    together = torch.tensor([[3.0, 0.0], [1.0, 0.0]])  # (C, T): RMS sqrt(10 / 4)
    torch.testing.assert_close(normalised(together, -60.0), together / 2.5**0.5)


def test_signals_below_the_floor_are_raised_by_as_much_as_the_floor() -> None:
    signals = torch.full((1, 1, 1, 4), 0.001)
    torch.testing.assert_close(normalised(signals, -40.0), 100 * signals)
    assert normalised(torch.zeros(1, 1, 1, 4), -40.0).abs().max() == 0


def test_no_gradient_runs_along_the_signal_and_none_is_infinite_on_silence() -> None:
    signal = torch.randn(1, 1, 1, 500, requires_grad=True)
    weights = torch.randn(1, 1, 1, 500)
    (gradient,) = torch.autograd.grad((normalised(signal, -60.0) * weights).sum(), signal)
    assert gradient.abs().max() > 0
    assert abs((gradient * signal).sum().item()) < 1e-4
    silence = torch.zeros(1, 1, 1, 500, requires_grad=True)
    (gradient,) = torch.autograd.grad(normalised(silence, -60.0).sum(), silence)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 1000.0))


def test_noise_of_the_steps_level_is_added_to_sources_and_estimates_alike() -> None:
    settings = Adversarial(instance_noise=InstanceNoise(until_step=14, start_db=-40.0))
    real, fake = given(settings)  # in step 7, halfway
    to_real, to_fake = real.signals - BOTH.sources, fake.signals - ESTIMATES
    torch.testing.assert_close(to_real, to_fake, rtol=1e-4, atol=1e-6)
    assert to_real.std().item() == pytest.approx(0.005, rel=0.05)
    assert not torch.allclose(to_real[:2], to_real[4:])  # paired and unpaired: each its own
    assert fake.mixture is BOTH.mixture


def test_when_the_noise_has_faded_signals_are_as_they_were() -> None:
    real, _ = given(Adversarial(instance_noise=InstanceNoise(until_step=7)))
    assert real.signals is BOTH.sources


def always(*kinds: Kind) -> Adversarial:
    """Every change of these kinds, to everything."""
    return Adversarial(augmentation=InputAugmentation(kinds, probability=1.0, target=None))


def augmenting(settings: Adversarial, conditioned: bool) -> Inputs:
    assert settings.augmentation is not None
    probability = AdaptiveProbability(settings.augmentation, 2, Accelerator(cpu=True))
    return Inputs(settings, AUDIO, 5, conditioned, probability)


def test_sources_estimates_and_each_discriminators_mixture_are_changed_alike() -> None:
    inputs = augmenting(always(*KINDS), True)
    real, fake = inputs(PAIRED, 2 * PAIRED.sources, Place(7))
    assert not torch.allclose(real.signals, PAIRED.sources)
    torch.testing.assert_close(fake.signals, 2 * real.signals)
    # The changes are linear: were the mixture a discriminator's source, it would become what it is
    # here.
    mixtures = PAIRED.mixture[:, None].expand(-1, 2, -1, -1)
    _, as_source = inputs(PAIRED, mixtures, Place(7))
    torch.testing.assert_close(real.mixture, as_source.signals)


def test_discriminators_that_get_no_mixture_are_spared_its_augmentation() -> None:
    _, fake = augmenting(always("gain"), False)(PAIRED, PAIRED.sources, Place(7))
    assert fake.mixture is PAIRED.mixture
    assert not torch.allclose(fake.signals, PAIRED.sources)


def test_each_discriminators_probability_decides_about_its_source() -> None:
    inputs = augmenting(always("polarity"), False)
    assert inputs.probability is not None
    inputs.probability.values = torch.tensor([0.0, 1.0])
    real, _ = inputs(PAIRED, PAIRED.sources, Place(7))
    assert torch.equal(real.signals[:, 0], PAIRED.sources[:, 0])
    assert torch.equal(real.signals[:, 1], -PAIRED.sources[:, 1])


def test_gradients_flow_through_all_changes_to_the_estimates() -> None:
    settings = replace(
        always(*KINDS), level_normalisation=True, instance_noise=InstanceNoise(until_step=14)
    )
    estimates = PAIRED.sources.clone().requires_grad_()
    _, fake = augmenting(settings, True)(PAIRED, estimates, Place(7))
    (gradient,) = torch.autograd.grad((fake.signals * torch.randn(3, 2, 1, T)).sum(), estimates)
    assert (gradient.abs().amax((2, 3)) > 0).all()
