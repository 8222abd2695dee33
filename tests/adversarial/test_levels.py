"""Signals at one level."""

import torch

from gan_sep.adversarial.levels import level_normalised


def test_every_signal_above_the_floor_has_an_rms_of_one_over_channels_and_time() -> None:
    signals = torch.tensor([1.0, 0.01]).reshape(1, 2, 1, 1) * torch.randn(3, 2, 2, 500)
    levels = level_normalised(signals, -60.0).square().mean((2, 3)).sqrt()
    torch.testing.assert_close(levels, torch.ones(3, 2))
    together = torch.tensor([[3.0, 0.0], [1.0, 0.0]])  # (C, T): RMS sqrt(10 / 4)
    torch.testing.assert_close(level_normalised(together, -60.0), together / 2.5**0.5)


def test_signals_below_the_floor_are_raised_by_as_much_as_the_floor() -> None:
    signals = torch.full((1, 1, 1, 4), 0.001)
    torch.testing.assert_close(level_normalised(signals, -40.0), 100 * signals)
    assert level_normalised(torch.zeros(1, 1, 1, 4), -40.0).abs().max() == 0


def test_no_gradient_runs_along_the_signal_and_none_is_infinite_on_silence() -> None:
    signal = torch.randn(1, 1, 1, 500, requires_grad=True)
    weights = torch.randn(1, 1, 1, 500)
    (gradient,) = torch.autograd.grad((level_normalised(signal, -60.0) * weights).sum(), signal)
    assert gradient.abs().max() > 0
    assert abs((gradient * signal).sum().item()) < 1e-4
    silence = torch.zeros(1, 1, 1, 500, requires_grad=True)
    (gradient,) = torch.autograd.grad(level_normalised(silence, -60.0).sum(), silence)
    torch.testing.assert_close(gradient, torch.full_like(gradient, 1000.0))
