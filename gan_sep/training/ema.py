"""The running average of the generator's weights, which is what validation and evaluation use."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the weights of `network`, to be fed by `update_parameters`.

    The decay grows as (1 + n) / (10 + n) over the first updates, so that the random initial weights
    are forgotten early, and stays at `decay` from there on.
    """

    @torch.no_grad()
    def average(means: Sequence[Tensor], weights: Sequence[Tensor], updates: Tensor | int) -> None:
        n = int(updates)
        torch._foreach_lerp_(list(means), list(weights), 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(network, multi_avg_fn=average, use_buffers=False)
