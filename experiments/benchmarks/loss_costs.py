"""What losses cost: a small network's training step with each of them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import torch

from benchmarks.settings import Setting
from benchmarks.steps import LEARNING_RATE
from benchmarks.table import Row, Table
from benchmarks.timing import Work, interleave
from gan_sep.config.loader import Component
from gan_sep.features import music_vgg
from gan_sep.losses import deep_feature, l1_time
from gan_sep.losses.base import Loss


def variants() -> dict[str, Loss]:
    """Every file of gan_sep/losses at its default, and the savings of deep_feature."""
    component = Component("losses")
    found: dict[str, Loss] = {n: component.config_class(n)() for n in component.names()}
    network = music_vgg.Config(weights="mtt" if find_spec("musicnn") else "random")
    whole = deep_feature.Config(network=network)
    found |= {
        "deep_feature": whole,
        "deep_feature, 1.3 s": replace(whole, seconds=1.3),
        "deep_feature, one source": replace(whole, one_source=True),
        "deep_feature, one source, 1.3 s": replace(whole, one_source=True, seconds=1.3),
    }
    return found


def loss_costs(
    setting: Setting, compared: dict[str, Loss], rounds: int, device: torch.device
) -> Table:
    """The step with each loss alone over the step with l1_time, in turns."""
    builders: dict[str, Callable[[], Work]] = {
        name: partial(_step, setting, loss, device) for name, loss in compared.items()
    }
    builders.setdefault("l1_time", partial(_step, setting, l1_time.Config(), device))
    timings = interleave({name: build() for name, build in builders.items()}, rounds, device)
    rows: list[Row] = [
        {
            "loss": name,
            "step, s": timings.median(name),
            "plain steps": timings.ratio(name, "l1_time"),
        }
        for name in compared
    ]
    remark = (
        f"The step of {setting} with the loss alone; plain is that with l1_time, "
        f"{timings.median('l1_time'):.3g} s. Forward, loss, backward, Adam."
    )
    return Table("Step with each loss", rows, remark)


def _step(setting: Setting, loss: Loss, device: torch.device) -> Work:
    network = setting.generator.build(setting.audio).to(device)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)
    sources = setting.sources(device)
    mixture, built = sources.sum(1), loss.build(setting.audio.sample_rate)

    def step() -> None:
        optimizer.zero_grad()
        built(network(mixture), sources).mean().backward()
        optimizer.step()

    return step
