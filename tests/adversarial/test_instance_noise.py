"""Instance noise: its level over time, and that it is drawn from counters."""

import pytest
import torch

from gan_sep.adversarial.instance_noise import InstanceNoise, white_noise


def test_the_amplitude_falls_linearly_from_the_first_step_to_silence() -> None:
    noise = InstanceNoise(until_step=30, start_db=-20.0)
    amplitudes = [noise.amplitude(step, first_step=10) for step in (10, 15, 20, 30, 31, 1000)]
    assert amplitudes == pytest.approx([0.1, 0.075, 0.05, 0, 0, 0])


def test_noise_is_normal_white_and_of_rms_one() -> None:
    noise = white_noise(torch.zeros(2, 3, 2, 4000), 0, 5, [("paired", 0), ("paired", 1)])
    assert noise.shape == (2, 3, 2, 4000)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    rows = noise.flatten(0, 2)  # (12, T)
    correlations = rows @ rows.T / 4000 - torch.eye(12)
    assert correlations.abs().max() < 0.1
    assert (rows[:, 1:] * rows[:, :-1]).mean(1).abs().max() < 0.1


def test_a_segment_gets_the_same_noise_in_any_batch_and_other_noise_in_another_step() -> None:
    like = torch.zeros(2, 1, 1, 100)
    rows = [("paired", 4), ("paired", 5)]
    both = white_noise(like, 3, 7, rows)
    assert torch.equal(white_noise(like[:1], 3, 7, rows[1:])[0], both[1])
    others = (
        white_noise(like, 3, 8, rows),
        white_noise(like, 4, 7, rows),
        both.flip(0),
    )
    assert not any(torch.equal(other, both) for other in others)


def test_noise_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="until_step: expected at least 1, got 0"):
        InstanceNoise(until_step=0)
