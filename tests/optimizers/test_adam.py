"""Adam's groups of weights: what decays, by hand, and what is refused."""

import pytest
import torch
from torch import nn

from gan_sep.optimizers.adam import Config


def network() -> nn.Module:
    return nn.ModuleDict({name: nn.Linear(1, 1) for name in ("inner", "inner_too", "outer")})


@pytest.mark.parametrize(("part", "decayed"), [(None, 6), ("inner", 2)])
def test_weights_of_the_part_alone_decay(part: str | None, decayed: int) -> None:
    config = Config(lr=0.5, weight_decay=0.1, decayed_part=part)
    weights = dict(network().named_parameters())
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    optimizer = config.build(weights.items())
    for weight in weights.values():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()  # without a gradient, decay is all that moves a weight
    shrunk = [n for n, w in weights.items() if torch.allclose(w, 0.95 * before[n], rtol=1e-6)]
    assert len(shrunk) == decayed
    kept = [name for name in weights if name not in shrunk]
    assert all(torch.equal(weights[name], before[name]) for name in kept)
    assert all(name.startswith("inner.") for name in shrunk) or part is None


def test_a_part_without_weights_is_refused() -> None:
    config = Config(decayed_part="inne")
    with pytest.raises(ValueError, match=r"decayed_part: expected a part .*, got inne$"):
        config.build(network().named_parameters())
