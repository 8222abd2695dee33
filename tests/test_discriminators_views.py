"""Views of a signal's channels, by hand."""

import pytest
import torch

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.views import View, view_channels, viewed

STEREO = torch.tensor([[1.0, 0.5], [3.0, 0.5]]).reshape(1, 1, 2, 2)  # left, right


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("channels", [[1.0, 0.5], [3.0, 0.5]]),
        ("mono", [[2.0, 0.5]]),
        ("mid_side", [[2.0, 0.5], [-1.0, 0.0]]),
    ],
)
def test_each_view_has_its_values_and_its_channels(view: View, expected: list[list[float]]) -> None:
    assert viewed(STEREO, view)[0, 0].tolist() == expected
    assert view_channels(view, AudioFormat(channels=2)) == len(expected)


def test_the_side_of_equal_channels_is_silent_and_the_mid_is_either() -> None:
    channel = torch.randn(2, 3, 100)
    mid, side = viewed(torch.stack([channel, channel], 2), "mid_side").unbind(2)
    assert torch.equal(mid, channel)
    assert side.abs().max() == 0


@pytest.mark.parametrize("view", ["channels", "mono"])
def test_mono_is_heard_as_it_is(view: View) -> None:
    signal = torch.randn(2, 3, 1, 100)
    assert torch.equal(viewed(signal, view), signal)
    assert view_channels(view, AudioFormat(channels=1)) == 1
