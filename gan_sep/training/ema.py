"""Running averages of the generator's weights, which are what validation and evaluation use."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the weights of `network`, to be fed by `update_parameters`.

    The decay grows as (1 + n) / (10 + n) over the first updates, so that the random initial weights
    are forgotten early, and stays at `decay` from there on.
    """
    return _averaged(network, lambda n: 1 - min(decay, (1 + n) / (10 + n)))


def averaged_by_epoch(network: nn.Module, decay: float) -> AveragedModel:
    """The mean of the weights it was fed, each of them worth `decay` times the next one.

    So the first weights count no more than their share: Demucs' averages, fed after each epoch.
    """
    return _averaged(network, lambda n: (1 - decay) / (1 - decay ** (n + 1)))


def _averaged(network: nn.Module, newest: Callable[[int], float]) -> AveragedModel:
    """newest: how much the newest weights count, after so many updates."""

    @torch.no_grad()
    def average(means: Sequence[Tensor], weights: Sequence[Tensor], updates: Tensor | int) -> None:
        torch._foreach_lerp_(list(means), list(weights), newest(int(updates)))

    return AveragedModel(network, multi_avg_fn=average, use_buffers=False)
