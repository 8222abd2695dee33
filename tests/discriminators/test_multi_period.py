"""The multi-period discriminator: how a signal folds, and what a column gets."""

import math
from typing import Any

import pytest
import torch
from scoring import scored

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.multi_period import Config, folded

VOICE = AudioFormat(16000, 1, ("voice",))


def test_a_signal_folds_into_rows_of_one_period_and_ends_in_silence() -> None:
    rows = folded(torch.arange(1.0, 8.0).reshape(1, 1, 7), 3)
    assert rows[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 0, 0]]


def test_what_repeats_with_the_period_stands_still() -> None:
    tone = torch.sin(2 * math.pi * torch.arange(700) / 7)
    still, moving = folded(tone, 7), folded(tone, 5)
    torch.testing.assert_close(still, still[:1].expand(100, 7), atol=1e-4, rtol=0)
    assert moving.std(0).min() > 0.5


@pytest.mark.parametrize("column", [0, 4])
def test_a_logit_get_every_fifth_sample_only(column: int) -> None:
    signal = torch.randn(1, 1, 1, 2000, requires_grad=True)
    network = Config(periods=(5,), layers=2).build(VOICE)
    logits = scored(network, signal).logits.reshape(-1, 5)
    assert len(logits) == 13  # of 400 rows an eighth, then a quarter
    (gradient,) = torch.autograd.grad(logits[:, column].square().sum(), signal)
    assert ((gradient.reshape(-1, 5) != 0).all(0) == (torch.arange(5) == column)).all()
    assert gradient.reshape(-1, 5).abs().sum(0).count_nonzero() == 1


@pytest.mark.parametrize("periods", [(), (2, 2), (0, 1)])
def test_periods_that_are_none_repeated_or_empty_are_refused(periods: Any) -> None:
    with pytest.raises(ValueError, match="periods: expected one or more different numbers of at"):
        Config(periods=periods)
