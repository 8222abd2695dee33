from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from gan_sep.adversarial.adversary import Adversary
from gan_sep.adversarial.balancer import Balancer, GradientBalance, Share
from gan_sep.audio import AudioFormat
from gan_sep.config.run import Adversarial
from gan_sep.discriminators.spectrogram import Config as Spectrogram
from gan_sep.generators.demucs import Config as Demucs
from gan_sep.losses import l1_time, spectrogram
from gan_sep.losses.base import ReconstructionLoss, Term, WeightedLosses
from gan_sep.losses.layers.magnitudes import Stft
from gan_sep.optimizers import adam
from gan_sep.training.batch import Batch, Place
from gan_sep.training.player import NonFiniteError, Player
from gan_sep.training.silence import audible
from gan_sep.training.step import TrainingStep

AUDIO = AudioFormat(8000, 1, ("low", "high"))
L1 = l1_time.Config()
MAGNITUDES = spectrogram.Config(stft=Stft(64, 25), discriminative_weight=0.05)


def training_step(
    settings: Adversarial | None,
    passes: int = 1,
    loss: ReconstructionLoss = L1,
    held: Sequence[Term] = (),
) -> TrainingStep:
    """A step of tiny players; of the generator alone without settings."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=passes)
    torch.manual_seed(0)
    generator = Player.prepared("generator", Demucs.tiny().build(AUDIO), adam.Config(), accelerator)
    adversary = None
    if settings is not None:
        network = Spectrogram.tiny().build(AUDIO)
        discriminator = Player.prepared("discriminator", network, adam.Config(), accelerator)
        adversary = Adversary(discriminator, settings, AUDIO, 0, accelerator)
    losses = WeightedLosses([Term("it", loss), *held])
    shares = losses.shares()
    if settings is not None:
        shares["adversarial"] = settings.share
    balancer = Balancer(shares, 2, accelerator)
    return TrainingStep(accelerator, generator, adversary, losses, balancer)


def adversary_of(step: TrainingStep) -> Adversary:
    assert step.adversary is not None
    return step.adversary


def batch(items: int = 4, unpaired: int = 2, seed: int = 0) -> Batch:
    noise = torch.Generator().manual_seed(seed)

    def signals(*shape: int) -> Tensor:
        return 0.1 * torch.randn(*shape, generator=noise)

    return Batch.of(
        signals(items, 2, 1, 2000), (signals(unpaired, 1, 2000), signals(unpaired, 2, 1, 2000))
    )


def weights(player: Player) -> list[Tensor]:
    return [p.detach().clone() for p in player.network.parameters()]


def same(first: Sequence[Tensor], second: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_during_warmup_only_the_generator_moves_then_both() -> None:
    step = training_step(Adversarial(warmup_steps=2, head_start_steps=1))
    for number, discriminator_moves in enumerate([False, True, True]):
        before = weights(step.generator), weights(adversary_of(step).discriminator)
        step([batch()], number)
        assert not same(before[0], weights(step.generator))
        assert same(before[1], weights(adversary_of(step).discriminator)) is not discriminator_moves


def test_each_players_loss_leaves_no_gradient_in_the_other() -> None:
    step = training_step(Adversarial(gamma=1.0, balance=None))
    adversary = adversary_of(step)
    paired = batch().paired()
    output = step.generator.network(paired.mixture).detach().requires_grad_()
    asked = adversary.losses(paired, output, Place(0), {})
    assert asked.generator is not None
    assert asked.discriminator is not None
    (gradient,) = torch.autograd.grad(asked.generator.mean(), output, retain_graph=True)
    assert gradient.abs().sum() > 0
    assert all(p.grad is None for p in adversary.weights)
    step.accelerator.backward(asked.discriminator.mean(), inputs=adversary.weights)
    assert all(p.grad is not None for p in adversary.weights)
    assert all(p.grad is None for p in step.generator.network.parameters())
    assert output.grad is None


def mean_error(estimates: Tensor, sources: Tensor) -> Tensor:
    return (estimates - sources).abs().mean()


def magnitude_error(estimates: Tensor, sources: Tensor) -> Tensor:
    """The mean squared error of magnitudes, all sources alike, with the discriminative term."""
    frames = torch.cat([estimates, sources]).reshape(-1, sources.shape[-1])
    window = torch.hann_window(64)
    spectra = torch.stft(frames, 64, 25, window=window, pad_mode="constant", return_complex=True)
    e, y = (spectra.abs() / window.square().sum().sqrt()).chunk(2)
    others = y.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
    return (e - y).square().mean() - 0.05 * (e - others).square().mean()


@pytest.mark.parametrize(
    ("loss", "definition"),
    [
        (L1, mean_error),
        (MAGNITUDES, magnitude_error),
    ],
    ids=["l1_time", "spectrogram"],
)
def test_the_split_gradient_is_that_of_the_summed_loss(
    loss: ReconstructionLoss, definition: ReconstructionLoss
) -> None:
    """Against one backward pass through loss + gamma L_sep, written out from the definitions."""
    gamma = 0.3
    settings = Adversarial(gamma=gamma, balance=None, silence_db=None)
    step = training_step(settings, loss=loss)
    pass_ = batch()
    step._differentiate(pass_, adversary_of(step), Place(0))
    found = [p.grad.clone() for p in step.generator.network.parameters() if p.grad is not None]

    step.generator.optimizer.zero_grad()
    estimates = step.generator.network(pass_.mixture)
    scores = adversary_of(step).discriminator.network(estimates, pass_.mixture).logits.flatten(2)
    squares = (scores - 0.9).square().mean(2)  # (6, S)
    adversarial = (squares[:4].mean(0) + squares[4:].mean(0)).mean()
    (definition(estimates[:4], pass_.sources[:4]) + gamma * adversarial).backward()
    expected = [p.grad for p in step.generator.network.parameters() if p.grad is not None]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-8)


def test_gamma_zero_is_the_plain_arm_bit_for_bit() -> None:
    """The counterparts differ in nothing but the adversarial gradient."""
    plain = training_step(None)
    gan = training_step(Adversarial(gamma=0.0, balance=None))
    for number in range(3):
        for step in (plain, gan):
            step([batch(seed=number).paired()], number)
    assert same(weights(plain.generator), weights(gan.generator))


def halves(whole: Batch) -> list[Batch]:
    """Of four paired and two unpaired segments two and one each."""
    sources, mixture = whole.sources, whole.mixture
    return [
        Batch.of(sources[:2], (mixture[4:5], sources[4:5])),
        Batch.of(sources[2:4], (mixture[5:], sources[5:])),
    ]


@pytest.mark.parametrize("crop_seconds", [None, 0.1])
def test_accumulated_passes_equal_one_large_batch(crop_seconds: float | None) -> None:
    settings = Adversarial(gamma=0.5, balance=None, silence_db=-20.0, crop_seconds=crop_seconds)
    # One after the other: accelerators of one process share how many passes they accumulate.
    whole = training_step(settings)
    for number in range(2):
        whole([batch(seed=number)], number)
    split = training_step(settings, passes=2)
    for number in range(2):
        split(halves(batch(seed=number)), number)
    discriminators = adversary_of(whole).discriminator, adversary_of(split).discriminator
    for a, b in ((whole.generator, split.generator), discriminators):
        for x, y in zip(weights(a), weights(b), strict=True):
            torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-5)


def test_the_log_of_accumulated_passes_is_their_mean() -> None:
    plain = training_step(None)
    first, second = (batch(seed=seed).paired() for seed in (0, 1))
    logs = [plain._differentiate(pass_, None, Place(0)) for pass_ in (first, second)]
    losses = [each["loss/reconstruction"] for each in logs]
    split = training_step(None, passes=2)
    log = split([first, second], 0)
    torch.testing.assert_close(log["loss/reconstruction"], (losses[0] + losses[1]) / 2)


@pytest.mark.parametrize(
    "loss", [L1, spectrogram.Config.tiny().build()], ids=["l1_time", "spectrogram"]
)
def test_the_balancer_holds_the_ratio_of_gradient_norms_with_every_loss(
    loss: ReconstructionLoss,
) -> None:
    settings = Adversarial(balance=0.2, balance_decay=0.0, silence_db=None)
    step = training_step(settings, loss=loss)
    first = step([batch()], 0)
    assert first["gradient_ratio"].tolist() == pytest.approx([0.2, 0.2], rel=1e-4)
    assert all(0.05 < r < 0.8 for r in step([batch(seed=1)], 1)["gradient_ratio"].tolist())


def test_the_balancer_weighs_by_hand_computed_norms() -> None:
    balance = GradientBalance(Share(ratio=0.5, decay=0.9), 2, Accelerator(cpu=True))
    reconstruction = torch.ones(1, 2, 1, 4)  # norms 2
    adversarial = torch.tensor([3.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 4)  # norms 6, 0
    found, ratio = balance.weights(reconstruction, adversarial)
    assert found.tolist() == pytest.approx([0.5 / 3, 0.0])
    assert ratio.tolist() == pytest.approx([0.5, 0.0])
    balance.end_step()
    balance.weights(reconstruction, 2 * adversarial)
    balance.end_step()
    found, _ = balance.weights(reconstruction, adversarial)
    running = (0.9 * 36 + 0.1 * 144) / 4  # mean of squares, over that of the reconstruction
    assert found[0].item() == pytest.approx(0.5 / running**0.5)


def test_what_the_balancer_keeps_is_the_same_for_accumulated_micro_batches() -> None:
    settings = Adversarial(balance=0.5, silence_db=None)
    whole = training_step(settings)
    whole([batch()], 0)
    split = training_step(settings, passes=2)
    split(halves(batch()), 0)
    found, expected = (step.balancer.terms["adversarial"].running for step in (split, whole))
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-12)


class Two:
    """What the balancer asks of an accelerator, of the first of two processes that have equal
    halves of a batch."""

    num_processes, gradient_accumulation_steps, device = 2, 1, torch.device("cpu")

    def reduce(self, tensor: Tensor, reduction: str) -> Tensor:
        assert reduction == "sum"
        return 2 * tensor


def test_what_the_balancer_keeps_is_the_same_for_two_processes() -> None:
    share = Share(ratio=0.5, decay=0.9)
    halved: Any = Two()
    one = GradientBalance(share, 2, Accelerator(cpu=True))
    two = GradientBalance(share, 2, halved)
    for factor in (1.0, 3.0):  # gradients of a mean over half of the segments are twice as large
        half = torch.full((1, 2, 1, 4), factor), torch.full((1, 2, 1, 4), factor**2)
        weights = [
            one.weights(*(torch.cat([each, each]) / 2 for each in half)),
            two.weights(*half),
        ]
        torch.testing.assert_close(*weights)
        one.end_step()
        two.end_step()
    assert one.running is not None
    torch.testing.assert_close(two.running, one.running)
    # Means over 2 segments of 4 samples: 2 * 4 * (1 / 2)^2 and (3 / 2)^2, (9 / 2)^2.
    assert one.running[:, 0].tolist() == pytest.approx([1.8 + 0.1 * 18, 1.8 + 0.1 * 162])


def test_silent_sources_are_kept_from_the_discriminators_and_counted() -> None:
    step = training_step(Adversarial(gamma=1.0, balance=None, silence_db=-60.0))
    sources = batch().paired().sources.clone()
    sources[:2, 0] = 0.0
    log = step([Batch.of(sources)], 0)
    assert log["silent_share"].tolist() == [0.5, 0.0]
    sources[:, 0] = 0.0
    log = step([Batch.of(sources)], 1)
    assert log["loss/discriminator"][0].item() == 0.0
    assert log["loss/adversarial"][0].item() == 0.0


def test_a_segment_sounds_above_its_rms_level_in_decibels() -> None:
    level = torch.tensor([1.0, 0.11, 0.09]).reshape(1, 3, 1, 1).expand(1, 3, 1, 8)
    assert audible(level, -20.0).tolist() == [[True, True, False]]
    assert audible(torch.zeros(1, 1, 1, 8), None).tolist() == [[True]]


def test_a_gradient_that_is_not_finite_stops_with_step_and_player() -> None:
    step = training_step(Adversarial())
    sources = batch().paired().sources.clone()
    sources[0, 0, 0, 0] = float("nan")
    before = weights(step.generator)
    with pytest.raises(
        NonFiniteError,
        match=r"step 7: the generator's loss is \[nan, nan\] and its gradient's norm nan",
    ):
        step([Batch.of(sources)], 7)
    assert same(before, weights(step.generator))


@pytest.mark.slow
def test_one_batch_can_be_learned_by_memory() -> None:
    step = training_step(None)
    for group in step.generator.optimizer.param_groups:
        group["lr"] = 3e-3
    time = torch.arange(2000) / 8000
    low, high = torch.sin(400 * time), torch.sin(9000 * time)
    sources = 0.3 * torch.stack([low, high])[None, :, None]  # (1, S, C, T)
    losses = [
        step([Batch.of(sources)], number)["loss/reconstruction"].mean().item()
        for number in range(300)
    ]
    assert losses[-1] < 0.1 * losses[0]


def scaled(scale: float, estimates: Tensor, sources: Tensor) -> Tensor:
    return scale * MAGNITUDES(estimates, sources)


def test_a_loss_is_held_to_its_share_of_the_gradient_whatever_its_scale() -> None:
    for scale in (1.0, 1e4):
        held = Term("held", partial(scaled, scale), balance=0.3)
        step = training_step(None, held=[held])
        logs = [step([batch(seed=seed).paired()], seed) for seed in range(3)]
        assert logs[0]["gradient_ratio/held"].tolist() == pytest.approx([0.3, 0.3], rel=1e-4)
        assert all(0.1 < r < 0.9 for log in logs for r in log["gradient_ratio/held"].tolist())
        if scale == 1.0:
            expected = weights(step.generator)
    for found, other in zip(weights(step.generator), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-3, atol=1e-6)


def test_the_balancer_goes_on_where_its_saved_state_stood() -> None:
    shares = {"adversarial": Share(ratio=0.5), "held": Share(ratio=2.0)}
    first, second = (Balancer(shares, 2, Accelerator(cpu=True)) for _ in range(2))
    beside, gradient = torch.randn(2, 3, 2, 1, 8).unbind()
    first.weighted("held", beside, gradient, 3)
    first.end_step()
    second.load_state_dict(first.state_dict())
    assert second.terms["adversarial"].running is None  # which has not acted
    other = 5 * gradient
    for found, expected in zip(
        second.weighted("held", beside, other, 3),
        first.weighted("held", beside, other, 3),
        strict=True,
    ):
        assert torch.equal(found, expected)
