"""The adversary: each setting against gradients written out from its definition."""

import torch
from test_training_step import adversary_of, batch, training_step
from torch import Tensor

from gan_sep.experiment import Adversarial
from gan_sep.losses.adversarial import Labels, separation_loss
from gan_sep.losses.feature_matching import feature_matching
from gan_sep.training.adversary import Adversary, Trial
from gan_sep.training.material import Batch


def adversary(**settings: object) -> Adversary:
    """With the adversarial gradient as it is, and no segment left out."""
    fixed = {"gamma": 1.0, "balance": None, "silence_db": None}
    return adversary_of(training_step(Adversarial(**(fixed | settings))))  # type: ignore[arg-type]


def judged(judges: Adversary, pass_: Batch) -> tuple[Tensor, Trial]:
    """Estimates, half of what they should be and a little more, and what is said of them."""
    assert pass_.unpaired is not None
    estimates = 0.5 * torch.cat([pass_.sources, pass_.unpaired[1]]) + 0.01
    estimates = estimates.requires_grad_()
    return estimates, judges.judge(pass_, estimates, {})


def test_feature_matching_of_paired_material_joins_the_adversarial_loss() -> None:
    judges, log = adversary(feature_matching=2.0), dict[str, Tensor]()
    estimates, trial = judged(judges, batch())
    found = judges.gradient(trial, estimates, torch.ones_like(estimates), log)
    matching = feature_matching(trial.real[0], trial.fake[0])
    loss = separation_loss(trial.fake, Labels()) + 2.0 * matching
    (expected,) = torch.autograd.grad(loss.mean(), estimates)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(log["loss/feature_matching"], matching.detach())
    torch.testing.assert_close(
        log["loss/adversarial"], separation_loss(trial.fake, Labels()).detach()
    )
