"""L-BFGS on losses whose minimum is known, and its memory."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from gan_sep.optimizers import adam, lbfgs
from gan_sep.optimizers.lbfgs import Config


def valley(weight: nn.Parameter, bottom: float) -> float:
    """Rosenbrock's valley around (bottom, bottom ** 2), where it is 0; leaves the gradient."""
    weight.grad = None
    x, y = weight
    loss = (bottom - x).square() + 100 * (y - x.square()).square()
    loss.backward()
    return loss.item()


def start() -> nn.Parameter:
    return nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))


def after_one_step(config: Config) -> nn.Parameter:
    weight = start()
    config.build([("weight", weight)]).step(lambda: valley(weight, 1.0))
    return weight


def test_one_step_of_many_iterations_ends_in_the_minimum() -> None:
    weight = after_one_step(Config(iterations=50))
    assert weight.tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


def test_a_step_takes_its_iterations_and_no_more() -> None:
    losses = [valley(after_one_step(Config(iterations=k)), 1.0) for k in range(1, 20)]
    assert all(after < before for before, after in pairwise(losses))


def test_a_longer_history_is_another_direction() -> None:
    ends = [after_one_step(Config(iterations=10, history=m)).tolist() for m in (1, 2, 10)]
    assert ends[0] != ends[1] != ends[2]


def test_a_step_remembers_nothing_of_another_batch() -> None:
    weight = start()
    optimizer = Config(iterations=3).build([("weight", weight)])
    optimizer.step(lambda: valley(weight, 1.0))
    fresh = nn.Parameter(weight.detach().clone())
    optimizer.step(lambda: valley(weight, 2.0))
    Config(iterations=3).build([("weight", fresh)]).step(lambda: valley(fresh, 2.0))
    assert torch.equal(weight, fresh)
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("fields", [{"lr": 0.0}, {"iterations": 0}, {"history": 0}], ids=str)
def test_impossible_settings_are_refused_by_name(fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        Config(**fields)


def test_only_l_bfgs_searches_and_it_clips_nothing() -> None:
    assert not adam.Config().line_search
    assert lbfgs.Config().line_search
    assert lbfgs.Config().max_gradient_norm is None
