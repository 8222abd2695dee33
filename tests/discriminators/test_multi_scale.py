"""The multi-scale discriminator: what a scale leaves of the one before, and how far the coarsest
sees.
"""

import math

import pytest
import torch

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.multi_scale import Config, MultiScaleDiscriminator, halved

VOICE = AudioFormat(16000, 1, ("voice",))


def test_a_scale_takes_means_of_four_samples_two_apart() -> None:
    signal = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(1, 1, 5)
    assert halved(signal).flatten().tolist() == [3 / 4, 10 / 4, 12 / 4]


def test_a_scale_does_not_get_the_quarter_of_the_sample_rate_above() -> None:
    """Means of four samples cancel a tone of period 4, which would be the new highest one."""
    tone = torch.sin(2 * math.pi * torch.arange(400) / 4).reshape(1, 1, 400)
    assert halved(tone)[..., 1:-1].abs().max() < 1e-4
    assert halved(torch.ones(1, 1, 400))[..., 1:-1].min() == 1


@pytest.mark.parametrize(("scale", "samples"), [(0, 2047), (1, 4096), (2, 8194)])
def test_every_scale_sees_twice_as_far(scale: int, samples: int) -> None:
    torch.manual_seed(0)
    network = Config().build(VOICE)
    assert isinstance(network, MultiScaleDiscriminator)
    signal = torch.randn(1, 1, 1, 30000, requires_grad=True)
    coarse = signal.flatten(1, 2)
    for _ in range(scale):
        coarse = halved(coarse)
    logits = network.scales[scale](coarse).logits[0, 0]
    (gradient,) = torch.autograd.grad(logits[len(logits) // 2], signal)
    (given,) = gradient[0, 0, 0].nonzero(as_tuple=True)
    assert int(given[-1] - given[0]) + 1 == samples


def test_a_discriminator_without_scales_is_refused() -> None:
    with pytest.raises(ValueError, match="scales: expected at least 1, got 0"):
        Config(scales=0)
