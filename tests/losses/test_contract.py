"""The L1 loss against values by hand."""

import pytest
import torch

from gan_sep.losses.l1_time import Config as L1Time


def test_l1_is_the_mean_over_batch_channels_and_time_per_source() -> None:
    sources = torch.zeros(1, 2, 2, 2)
    estimates = torch.tensor([[[[1.0, -1.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, -1.0]]]])
    assert L1Time()(estimates, sources).tolist() == [0.5, 1.0]


def test_l1_is_zero_on_equal_input() -> None:
    sources = torch.randn(2, 3, 2, 10)
    assert L1Time()(sources, sources).tolist() == [0, 0, 0]


def test_l1_refuses_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 3, 2, 10\) and \(2, 3, 1, 10\)"):
        L1Time()(torch.zeros(2, 3, 2, 10), torch.zeros(2, 3, 1, 10))
