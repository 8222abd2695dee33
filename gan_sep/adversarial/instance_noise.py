"""Instance noise: what discriminators are given is noisy at first, and less so step by step.

White noise on real signals and estimates alike makes the two overlap where they would not, so that
a discriminator cannot tell them apart beyond doubt; as it fades, ever finer differences come in.

Sources: Arjovsky and Bottou, Towards principled methods for training generative adversarial
networks, 2017; Sønderby et al., Amortised MAP inference for image super-resolution, 2017.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_sep.random import draw
from gan_sep.ranges import at_least


@dataclass(frozen=True)
class InstanceNoise:
    """White noise whose amplitude falls linearly to 0.

    With normalised levels, full scale is the level of the signals.
    """

    until_step: int  # where it has become silent
    start_db: float = -20.0  # RMS in the discriminators' first step, dB of full scale

    def __post_init__(self) -> None:
        at_least(1, self, "until_step")

    def amplitude(self, step: int, first_step: int) -> float:
        """The RMS in this step: all of it in first_step, 0 from until_step on."""
        left = (self.until_step - step) / (self.until_step - first_step)
        return float(10 ** (self.start_db / 20) * max(left, 0.0))


def white_noise(like: Tensor, seed: int, step: int, rows: Iterable[tuple[str, int]]) -> Tensor:
    """Normal noise of RMS 1 with the shape of signals (N, S, C, T), on their device.

    rows: the kind of each segment, paired or unpaired, and its number within the step.
    """
    random = torch.Generator(like.device)
    noise = []
    for kind, item in rows:
        drawn = draw(seed, f"instance noise {kind}", step, item)
        random.manual_seed(int(drawn.integers(2**63)))
        noise.append(torch.randn(like.shape[1:], generator=random, device=like.device))
    return torch.stack(noise)
