"""What losses cost: every file of the folder is there, and ratios are of the step with l1_time."""

import torch

from benchmarks.loss_costs import loss_costs, variants
from benchmarks.settings import QUICK
from gan_sep.config.loader import Component
from gan_sep.losses import l1_time, l2_freq


def test_every_loss_is_there_at_its_default_before_the_savings() -> None:
    names = Component("losses").names()
    assert list(variants())[: len(names)] == names
    assert all(name.startswith("deep_feature, ") for name in list(variants())[len(names) :])


def test_losses_are_compared_with_the_plain_step() -> None:
    compared = {"l1_time": l1_time.Config(), "l2_freq": l2_freq.Config.tiny()}
    table = loss_costs(QUICK, compared, rounds=1, device=torch.device("cpu"))
    ratios = {str(row["loss"]): float(row["plain steps"]) for row in table.rows}
    assert ratios["l1_time"] == 1
    assert ratios["l2_freq"] > 0
