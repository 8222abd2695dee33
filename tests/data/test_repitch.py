"""Repitching: what is drawn, pitch and tempo of what comes out, the same however it is read."""

from typing import Any

import pytest
import torch
from conftest import MakeExperiment
from torch import Tensor

from gan_sep.augment import Augmentation, Remix
from gan_sep.config.loader import ConfigError, build
from gan_sep.data import repitch as module
from gan_sep.data.batches import batches
from gan_sep.data.repitch import Repitch, Repitched, repitch
from gan_sep.random import draw
from gan_sep.training.loop import Run

RATE = 8000


class Tones:
    """Item i: a tone of 440 Hz at level 1 + i, silence, and noise, in two channels: (3, 2, T)."""

    def __init__(self, num_samples: int) -> None:
        self.num_samples = num_samples

    def __getitem__(self, position: int) -> Tensor:
        time = torch.arange(self.num_samples) / RATE
        tone = (1 + position) * torch.sin(2 * torch.pi * 440 * time)
        noise = torch.randn(self.num_samples, generator=torch.Generator().manual_seed(position))
        sources = torch.stack([tone, torch.zeros_like(tone), noise])
        return sources[:, None].expand(-1, 2, -1)


def pitch(signal: Tensor) -> float:
    """Hz of the strongest bin, the edges left out."""
    middle = signal[RATE // 4 : -RATE // 4]
    spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle)), 8 * len(middle)).abs()
    return float(spectrum.argmax()) * RATE / (8 * len(middle))


@pytest.mark.parametrize(("semitones", "tempo"), [(2, 1.12), (-2, 0.88), (0, 1.05), (1, 1.0)])
def test_pitch_and_length_are_those_asked_for(semitones: int, tempo: float) -> None:
    sources = Tones(2 * RATE)[0]
    played = repitch(sources, semitones, tempo, RATE)
    assert played.shape == (3, 2, round(2 * RATE / tempo))
    assert pitch(played[0, 0]) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.003)
    torch.testing.assert_close(played[0, 0], played[0, 1], rtol=0, atol=0.01)
    assert not played[1].any()
    assert torch.equal(repitch(sources, semitones, tempo, RATE), played)


def test_it_reads_what_a_view_shows() -> None:
    sources = torch.randn(2, 3000, 2).transpose(1, 2)
    assert torch.equal(repitch(sources, 1, 1.1, RATE), repitch(sources.contiguous(), 1, 1.1, RATE))


def test_a_click_comes_at_its_time_over_the_tempo() -> None:
    click = torch.zeros(1, 1, 2 * RATE)
    click[..., RATE] = 1
    played = repitch(click, 0, 1.1, RATE)
    assert abs(int(played.abs().argmax()) - RATE / 1.1) < 0.003 * RATE


def test_draws_are_the_published() -> None:
    settings = Repitch()
    drawn = [settings.drawn(draw(0, "repitch", item)) for item in range(20_000)]
    changed = [each for each in drawn if each is not None]
    assert len(changed) / len(drawn) == pytest.approx(0.2, abs=0.01)
    semitones = torch.tensor([each[0] for each in changed])
    shares = torch.bincount(semitones + 2) / len(changed)
    assert shares.tolist() == pytest.approx([0.2] * 5, abs=0.025)
    tempo = torch.tensor([each[1] for each in changed], dtype=torch.float64)
    assert tempo.mean().item() == pytest.approx(1, abs=0.003)
    assert tempo.std().item() == pytest.approx(0.0495, abs=0.002)  # 0.05 but for what is cut
    assert (tempo.min().item(), tempo.max().item()) == pytest.approx((0.88, 1.12))
    assert (tempo == tempo.max()).double().mean().item() == pytest.approx(0.0082, abs=0.005)


@pytest.mark.parametrize("num_samples", [999, 4000])
def test_every_item_has_the_length_asked_for_at_the_fastest_tempo_too(num_samples: int) -> None:
    settings = Repitch(probability=1, tempo_deviation=10)  # nearly always at the limits
    stream = Repitched(Tones(settings.longest(num_samples)), settings, num_samples, RATE, 0)
    assert {stream[item].shape[-1] for item in range(8)} == {num_samples}


def test_an_item_is_changed_alike_in_any_order_batch_and_thread() -> None:
    settings = Repitch(probability=0.5)
    stream = Repitched(Tones(settings.longest(500)), settings, 500, RATE, seed=3)
    backwards = [stream[item] for item in range(11, -1, -1)][::-1]
    for workers in (0, 2):
        read = torch.cat(list(batches(stream, 4, 0, 3, workers=workers)))
        assert torch.equal(read, torch.stack(backwards))
    plain = [torch.equal(item, Tones(560)[n][..., :500]) for n, item in enumerate(backwards)]
    assert 0 < sum(plain) < 12
    other = Repitched(Tones(settings.longest(500)), settings, 500, RATE, seed=4)
    assert any(not torch.equal(other[n], item) for n, item in enumerate(backwards))


def test_it_is_no_transform_of_batches_and_asks_for_longer_segments() -> None:
    settings = build(Augmentation, {"repitch": {"tempo_limit": 0.125}, "shift": None})
    assert not any(isinstance(step, Repitch) for step in settings)
    assert Remix() in list(settings)
    assert settings.samples_read(100) == 113
    assert Augmentation().samples_read(100) == 100


def test_a_run_learns_from_mixtures_that_are_the_sums_of_repitched_sources(
    make_experiment: MakeExperiment,
) -> None:
    plain = make_experiment("discriminator=null")
    changed = make_experiment("discriminator=null", "augment={repitch: {probability: 1}}")
    first, second = (
        next(Run(config, "plain").stream.steps(0, 1))[0] for config in (plain, changed)
    )
    assert first.sources.shape == second.sources.shape
    assert not torch.equal(first.sources, second.sources)
    torch.testing.assert_close(second.mixture, second.sources.sum(1))


def test_without_the_package_the_option_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install python-stretch"):
        Repitched(Tones(9), Repitch(), 8, RATE, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probability": 1.5}, "augment.repitch.probability: expected 0 to 1, got 1.5"),
        ({"semitones": -1}, "augment.repitch.semitones: expected at least 0"),
        ({"tempo_deviation": -0.1}, "augment.repitch.tempo_deviation: expected at least 0"),
        ({"tempo_limit": 1.0}, r"augment.repitch.tempo_limit: expected \[0, 1\)"),
    ],
)
def test_impossible_settings_are_refused_with_the_key(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Augmentation, {"repitch": options}, "augment")
