"""The LSTM in frames against the package demucs."""

import pytest
import torch
from demucs import demucs

from gan_sep.generators.layers.lstm import FramedBLSTM


@pytest.mark.parametrize("length", [1, 19, 20, 21, 30, 31, 99, 100, 101])
def test_long_signals_are_computed_in_the_published_frames(length: int) -> None:
    layer, published = FramedBLSTM(4, 2, steps=20), demucs.BLSTM(4, 2, max_steps=20, skip=True)
    layer.load_state_dict(published.state_dict(), strict=True)
    x = torch.randn(2, 4, length)
    torch.testing.assert_close(layer(x), published(x))
