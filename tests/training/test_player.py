"""Players that search along a line: L-BFGS in the training step."""

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.generators import rnn_mask
from gan_sep.losses import l1_time, spectrogram
from gan_sep.losses.base import ReconstructionLoss, Term, WeightedLosses
from gan_sep.losses.layers.magnitudes import Stft
from gan_sep.optimizers import adam, lbfgs
from gan_sep.optimizers.base import OptimizerConfig
from gan_sep.training.batch import Batch
from gan_sep.training.player import NonFiniteError, Player
from gan_sep.training.step import TrainingStep

AUDIO = AudioFormat(8000, 1, ("low", "high"))
L1 = l1_time.Config()


def training_step(
    optimizer: OptimizerConfig, passes: int = 1, loss: ReconstructionLoss = L1
) -> TrainingStep:
    """A step of a small RNN mask, always from the same weights."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=passes)
    torch.manual_seed(0)
    network = rnn_mask.Config(stft=Stft(64, 32), hidden=16).build(AUDIO)
    generator = Player.prepared("generator", network, optimizer, accelerator)
    return TrainingStep(accelerator, generator, None, WeightedLosses([Term("it", loss)]))


def sources() -> Tensor:
    """Brown and white noise (4, 2, 1, T)."""
    noise = 0.1 * torch.randn(4, 2, 1, 1000, generator=torch.Generator().manual_seed(0))
    return torch.cat([0.03 * noise[:, :1].cumsum(-1), noise[:, 1:]], dim=1)


def weights(step: TrainingStep) -> list[Tensor]:
    return [weight.detach().clone() for weight in step.generator.network.parameters()]


def steps_to_a_tenth(optimizer: OptimizerConfig) -> int:
    """Steps until a tenth of the spectrograms' squared error is left; 100 if it never comes."""
    error = spectrogram.Config(stft=Stft(64, 32)).build()
    step, batch = training_step(optimizer, loss=error), Batch.of(sources())
    first = step([batch], 0)["loss/reconstruction"].mean()
    for number in range(1, 100):
        if step([batch], number)["loss/reconstruction"].mean() < first / 10:
            return number
    return 100


@pytest.mark.slow
def test_a_batch_is_learned_in_fewer_steps_than_adam_takes() -> None:
    by_adam = min(steps_to_a_tenth(adam.Config(lr=lr)) for lr in (3e-3, 1e-2, 3e-2))
    assert steps_to_a_tenth(lbfgs.Config(iterations=10)) < by_adam / 3


def test_accumulated_passes_are_searched_as_one_large_batch() -> None:
    first, second = sources().split(2)
    # One after the other: accelerators of one process share how many passes they accumulate.
    whole = training_step(lbfgs.Config(iterations=4))
    whole([Batch.of(sources())], 0)
    split = training_step(lbfgs.Config(iterations=4), passes=2)
    split([Batch.of(first), Batch.of(second)], 0)
    other = training_step(lbfgs.Config(iterations=4), passes=2)
    other([Batch.of(first), Batch.of(first)], 0)
    for a, b, c in zip(weights(whole), weights(split), weights(other), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
        assert not torch.allclose(a, c, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_on_the_line_leaves_the_weights_as_they_were(bad: float) -> None:
    evaluations = []

    def breaks_down(estimates: Tensor, truth: Tensor) -> Tensor:
        evaluations.append(1)
        return L1(estimates, truth) * (1.0 if len(evaluations) < 4 else bad)

    step = training_step(lbfgs.Config(), loss=breaks_down)
    before = weights(step)
    message = rf"step 7: the generator's loss is \[{bad}, {bad}\] where the line search tried it"
    with pytest.raises(NonFiniteError, match=message):
        step([Batch.of(sources())], 7)
    assert all(map(torch.equal, before, weights(step)))


class Noisy(nn.Module):
    """Shares out the mixture by two weights and a random number; remembers both."""

    def __init__(self) -> None:
        super().__init__()
        self.shares = nn.Parameter(torch.tensor([0.3, 0.4]))
        self.seen: list[tuple[float, float]] = []

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        noise = torch.rand(())
        self.seen.append((self.shares[0].item(), noise.item()))
        return (self.shares + noise)[:, None, None] * mixture[:, None]


def test_all_of_a_steps_line_search_draws_the_same_random_numbers() -> None:
    accelerator, network = Accelerator(cpu=True), Noisy()
    player = Player.prepared("generator", network, lbfgs.Config(iterations=3), accelerator)
    step = TrainingStep(accelerator, player, None, WeightedLosses([Term("it", L1)]))
    for number in range(2):
        step([Batch.of(sources())], number)
        tried, drawn = zip(*network.seen[1:], strict=True)  # the first one measures, not searches
        assert len(set(tried)) > 2
        assert len(set(drawn)) == 1
        network.seen.clear()
