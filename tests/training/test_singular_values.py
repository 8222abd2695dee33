"""The singular-value penalty against its definition, autograd and the package demucs."""

import pytest
import torch
from conftest import MakeExperiment
from demucs.svd import svd_penalty
from torch import nn

from gan_sep.config.loader import ConfigError
from gan_sep.training.loop import Run
from gan_sep.training.singular_values import add_gradient, penalty


@pytest.fixture
def network() -> nn.Module:
    """Every kind of weight; 20 to 90 values are some of them large, some small."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(2, 8, 5),
        nn.ConvTranspose1d(4, 6, 3),
        nn.Conv2d(3, 5, (2, 3)),
        nn.ConvTranspose2d(3, 4, 2),
        nn.LSTM(5, 4, bidirectional=True),
        nn.Linear(7, 9),
        nn.Linear(2, 2),
    )


@pytest.mark.parametrize("smallest", [0.0, 40 * 4 / 2**20])
def test_the_value_is_the_package_s(smallest: float, network: nn.Module) -> None:
    expected = svd_penalty(network, min_size=smallest, exact=True)
    torch.testing.assert_close(penalty(network, smallest), expected.detach())
    torch.testing.assert_close(add_gradient(network, 1.0, smallest, 0), expected.detach())


@pytest.mark.parametrize("smallest", [0.0, 40 * 4 / 2**20])
def test_the_gradient_is_added_to_that_of_the_loss(smallest: float, network: nn.Module) -> None:
    svd_penalty(network, min_size=smallest, exact=True).mul(0.3).backward()
    expected = {name: w.grad for name, w in network.named_parameters()}
    assert any(each is None for each in expected.values())
    network.zero_grad()
    first = next(network.parameters())
    first.grad = torch.ones_like(first)
    state = torch.get_rng_state()
    add_gradient(network, 0.3, smallest, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    first.grad -= 1
    for name, weight in network.named_parameters():
        found = torch.zeros_like(weight) if weight.grad is None else weight.grad
        wanted = torch.zeros_like(weight) if expected[name] is None else expected[name]
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_a_run_with_it_ends_with_smaller_singular_values(make_experiment: MakeExperiment) -> None:
    values = []
    for settings in ("null", "{weight: 1.0, smallest_mib: 0}"):
        config = make_experiment("optimizer.lr=0.01", f"training.singular_values={settings}").plain
        learners = (run := Run(config, "plain")).learners
        for step, passes in enumerate(run.stream.steps(0, 4)):
            log = learners.step(passes, step)
        assert ("singular_values" in log) == (settings != "null")
        values.append(penalty(learners.generator.network, 0).item())
    assert values[1] < 0.9 * values[0]


def test_a_line_search_refuses_it(make_experiment: MakeExperiment) -> None:
    with pytest.raises(ConfigError, match="singular_values: expected null with an optimizer that"):
        make_experiment(
            "optimizer={name: lbfgs}", "training.singular_values={}", "discriminator=null"
        )
