"""The weighted list of losses: names, weights, and what is left out of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component, ConfigError, build, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.losses import l1_time, multi_resolution
from gan_sep.losses.base import Loss, Term, WeightedLosses

SOURCES = ("low", "high")


@dataclass(frozen=True)
class Level(Loss):
    """Mean of the estimate, of sources that sound."""

    leaves_out_silence = True

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        return estimates.mean((2, 3))


def weighted(*losses: Loss) -> WeightedLosses:
    return WeightedLosses.of(losses, AudioFormat(8000, 1, SOURCES), torch.device("cpu"))


def run_config(losses: object) -> RunConfig:
    values = {"name": "x", "data": {"name": "synthetic"}, "generator": {"name": "demucs"}}
    audio = {"sample_rate": 8000, "channels": 1, "sources": list(SOURCES)}
    config: RunConfig = build(RunConfig, values | {"audio": audio, "losses": losses})
    return config


def test_the_sum_weighs_each_term_and_each_source_of_it_by_name() -> None:
    losses = weighted(l1_time.Config(), l1_time.Config(weight=0.5, sources={"high": 3.0}))
    estimates, sources = torch.full((2, 2, 1, 4), 2.0), torch.zeros(2, 2, 1, 4)
    terms = losses(estimates, sources)
    assert {name: value.tolist() for name, value in terms.items()} == {
        "l1_time": [2, 2],
        "l1_time_2": [2, 2],
    }
    assert losses.total(terms).tolist() == [2 + 0.5 * 2, 2 + 0.5 * 3 * 2]
    log = losses.log(terms, sources)
    assert list(log) == ["loss/reconstruction", "loss/l1_time", "loss/l1_time_2"]
    assert log["loss/reconstruction"].tolist() == [3, 5]


def test_the_gradient_of_the_sum_is_the_weighted_sum_of_gradients() -> None:
    estimates, sources = torch.randn(2, 3, 2, 1, 600).unbind()
    estimates.requires_grad_()
    terms = l1_time.Config(), multi_resolution.Config(weight=0.01, n_ffts=(64,))
    losses = weighted(*terms)
    total = losses.total(losses(estimates, sources)).mean()
    (found,) = torch.autograd.grad(total, estimates)
    parts = [torch.autograd.grad(term(estimates, sources).mean(), estimates)[0] for term in terms]
    torch.testing.assert_close(found, parts[0] + 0.01 * parts[1])


def test_silent_sources_count_as_nothing_and_their_share_is_logged() -> None:
    sources = torch.full((4, 2, 1, 10), 0.1)
    sources[0, 0] = 0.0009  # below -60 dB
    sources[1:, 1] = 0.0
    estimates = torch.ones(4, 2, 1, 10, requires_grad=True)
    losses = WeightedLosses([Term("level", Level())])
    terms = losses(estimates, sources)
    assert terms["level"].tolist() == [0.75, 0.25]
    assert losses.log(terms, sources)["left_out"].tolist() == [0.25, 0.75]
    terms["level"].sum().backward()
    assert estimates.grad is not None
    assert estimates.grad.count_nonzero() == 4 * 10
    assert "left_out" not in weighted(l1_time.Config()).log({"l1_time": torch.ones(2)}, sources)


def test_a_list_is_read_from_yaml() -> None:
    config = run_config([{"name": "l1_time"}, {"name": "multi_resolution", "sources": {"low": 2}}])
    assert config.losses == (l1_time.Config(), multi_resolution.Config(sources={"low": 2.0}))
    assert [loss["name"] for loss in to_dict(config)["losses"]] == ["l1_time", "multi_resolution"]


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "losses: expected at least one term of a weight above 0"),
        (
            [{"name": "l1_time", "weight": 0}],
            "losses: expected at least one term of a weight above 0",
        ),
        (
            [{"name": "l1_time", "weight": -1}],
            r"losses\[0\]\.weight: expected a number of at least 0",
        ),
        ([{"name": "l1_time", "weight": float("nan")}], r"losses\[0\]\.weight: expected a finite"),
        ([{"name": "l1_time", "sources": {"low": -2}}], r"losses\[0\]\.sources\.low: expected a"),
        (
            [{"name": "l1_time", "sources": {"voice": 2}}],
            r"losses\[0\]\.sources: expected sources of audio\.sources \(low, high\), got voice",
        ),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(losses: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_config(losses)


def test_every_loss_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "losses.md").read_text("utf-8")
    for name in Component("losses").names():
        assert f"[{name}](../gan_sep/losses/{name}.py)" in page
