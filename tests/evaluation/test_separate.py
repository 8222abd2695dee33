"""Overlap-add: what goes in comes out, whatever the lengths, and nothing else changes."""

import random
from functools import partial
from typing import Any

import pytest
import torch
from demucs.apply import apply_model
from demucs.hdemucs import HDemucs as PublishedHybrid
from demucs.htdemucs import HTDemucs as PublishedTransformer
from generators.hybrid_oracle import copy_audible, relative_difference
from torch import Tensor, nn

from benchmarks.timing import Work, peak_memory
from gan_sep.audio import AudioFormat
from gan_sep.evaluation.separate import OverlapAdd, separate
from gan_sep.generators import hdemucs, htdemucs


class Copies(nn.Module):
    """Estimates that are the mixture and its negative; remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Tensor] = []

    def forward(self, mixture: Tensor) -> Tensor:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.batches.append(mixture.clone())
        return torch.stack([mixture, -mixture], 1)  # (B, S, C, T)


class Positions(nn.Module):
    """Every estimate is the sample's place in its piece, so that the cross-fade shows."""

    def forward(self, mixture: Tensor) -> Tensor:
        return torch.arange(mixture.shape[-1]).expand_as(mixture[:, None]).float()


class Constant(nn.Module):
    """A parameter as every estimate."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(2.0))
        self.frozen = nn.Dropout().eval()

    def forward(self, mixture: Tensor) -> Tensor:
        return self.level * torch.ones_like(mixture[:, None])


def noise(samples: int, channels: int = 2) -> Tensor:
    return torch.randn(channels, samples, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("samples", [1, 7, 99, 100, 101, 250, 1000])
@pytest.mark.parametrize(
    "how",
    [
        OverlapAdd(100),
        OverlapAdd(100, overlap=0.0, batch_size=4),
        OverlapAdd(100, overlap=0.9, batch_size=3),
        OverlapAdd(100, shifts=3, max_shift=20),
        OverlapAdd(100, shifts=2, max_shift=100, batch_size=2),
    ],
)
def test_a_copying_generator_gives_back_the_mixture(how: OverlapAdd, samples: int) -> None:
    mixture = noise(samples)
    estimates = separate(Copies(), mixture, how)
    assert estimates.shape == (2, 2, samples)
    torch.testing.assert_close(estimates[0], mixture, rtol=0, atol=1e-6)
    torch.testing.assert_close(estimates[1], -mixture, rtol=0, atol=1e-6)


def test_every_piece_is_full_and_the_last_one_reaches_back() -> None:
    generator, mixture = Copies(), noise(260)
    separate(generator, mixture, OverlapAdd(100, overlap=0.25, batch_size=2))
    assert [batch.shape for batch in generator.batches] == [(2, 2, 100), (2, 2, 100)]
    pieces = torch.cat(generator.batches)
    for piece, start in zip(pieces, (0, 75, 150, 160), strict=True):
        assert torch.equal(piece, mixture[:, start : start + 100])


def test_a_short_track_lies_in_the_middle_of_a_silent_piece() -> None:
    generator, mixture = Copies(), noise(40)
    separate(generator, mixture, OverlapAdd(100))
    piece = generator.batches[0][0]
    assert torch.equal(piece[:, 30:70], mixture)
    assert piece[:, :30].abs().sum() == piece[:, 70:].abs().sum() == 0


@pytest.mark.parametrize("last_piece", ["full", "short"])
@pytest.mark.parametrize("samples", [40, 80])
@pytest.mark.parametrize("max_shift", [0, 7])
def test_a_piece_longer_than_any_track_costs_no_more_than_the_track(
    monkeypatch: pytest.MonkeyPatch, last_piece: Any, samples: int, max_shift: int
) -> None:
    monkeypatch.setattr("gan_sep.evaluation.separate.PADDED_SAMPLES", 60)
    generator, mixture = Copies(), noise(samples)
    shifts = 2 if max_shift else 0
    how = OverlapAdd(10**12, shifts=shifts, max_shift=max_shift, last_piece=last_piece)
    estimates = separate(generator, mixture, how)
    torch.testing.assert_close(estimates[0], mixture, rtol=0, atol=1e-6)
    lengths = [batch.shape[-1] for batch in generator.batches]
    if last_piece == "short":
        assert lengths == [samples + delay for delay in how.delays()]
    else:
        assert lengths == [max(60, samples + max_shift)] * max(1, shifts)


def test_pieces_fade_linearly_into_each_other() -> None:
    estimates = separate(Positions(), torch.zeros(1, 6), OverlapAdd(4, overlap=0.5))
    # Triangle 1 2 2 1 at 0 and at 2: where they meet the weights are (2, 1) and (1, 2).
    expected = torch.tensor([0, 1, (2 * 2 + 1 * 0) / 3, (1 * 3 + 2 * 1) / 3, 2, 3])
    torch.testing.assert_close(estimates[0, 0], expected)


def test_shifts_are_the_mean_of_delayed_separations_and_follow_the_seed() -> None:
    how = OverlapAdd(8, shifts=3, max_shift=8, seed=5)
    assert how.delays() == OverlapAdd(8, shifts=3, max_shift=8, seed=5).delays()
    assert how.delays() != OverlapAdd(8, shifts=3, max_shift=8, seed=6).delays()
    assert all(0 <= delay < 8 for delay in OverlapAdd(8, shifts=99, max_shift=8).delays())
    mixture = torch.zeros(1, 30)
    single = []
    for delay in how.delays():  # a delayed track is one with silence before and after it
        longer = torch.zeros(1, 30 + 8)
        single.append(separate(Positions(), longer, OverlapAdd(8))[..., delay : delay + 30])
    # Of the longer track's first and last pieces the parts outside the track have no say.
    torch.testing.assert_close(separate(Positions(), mixture, how), torch.stack(single).mean(0))


def test_training_mode_of_every_module_and_gradients_are_as_before() -> None:
    generator = Constant().train()
    generator.frozen.eval()
    estimates = separate(generator, noise(50), OverlapAdd(20))
    torch.testing.assert_close(estimates, torch.full((1, 2, 50), 2.0))
    assert generator.training
    assert not generator.frozen.training
    assert not estimates.requires_grad
    assert not estimates.is_inference()
    assert torch.is_grad_enabled()


def test_the_mode_comes_back_after_an_error() -> None:
    class Broken(nn.Module):
        def forward(self, mixture: Tensor) -> Tensor:
            raise RuntimeError("broken")

    generator = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        separate(generator, noise(50), OverlapAdd(20))
    assert generator.training


def test_normalisation_is_of_the_mono_mix_and_is_undone() -> None:
    generator, mixture = Copies(), 0.02 * noise(100) + 0.5
    estimates = separate(generator, mixture, OverlapAdd(100, normalize=True))
    mono = generator.batches[0][0].mean(0)
    assert mono.mean().item() == pytest.approx(0, abs=1e-5)
    assert mono.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(estimates[0], mixture, rtol=0, atol=1e-6)


def test_a_silent_track_can_be_normalised() -> None:
    estimates = separate(Copies(), torch.zeros(2, 50), OverlapAdd(20, normalize=True))
    assert (estimates == 0).all()


class Louder(nn.Module):
    """Two estimates, and no memory of what it was given."""

    def forward(self, mixture: Tensor) -> Tensor:
        return torch.stack([mixture, 2 * mixture], 1)  # (B, S, C, T)


def separating(samples: int, normalize: bool) -> Work:
    mixture = torch.ones(1, samples)
    how = OverlapAdd(2**16, overlap=0.5, shifts=1, max_shift=2**15, normalize=normalize)
    return lambda: separate(Louder(), mixture, how)


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [False, True])
def test_memory_beyond_song_and_estimates_does_not_grow_with_the_song(normalize: bool) -> None:
    """A signal of the longer song is 64 MiB: none may be held beside the song and its sources."""
    cpu = torch.device("cpu")
    beyond = [
        peak_memory(partial(separating, samples, normalize), cpu) - 3 * samples * 4 / 2**20
        for samples in (2**20, 2**24)
    ]
    assert beyond[1] - beyond[0] < 20


def test_float64_mixtures_are_separated_in_float32() -> None:
    assert separate(Copies(), noise(50).double(), OverlapAdd(20)).dtype == torch.float32


@pytest.mark.parametrize("shape", [(2, 0), (100,), (1, 2, 100)])
def test_a_mixture_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"mixture: expected non-empty \(C, T\), got"):
        separate(Copies(), torch.zeros(shape), OverlapAdd(20))


def test_estimates_of_another_shape_are_refused() -> None:
    class Shorter(nn.Module):
        def forward(self, mixture: Tensor) -> Tensor:
            return mixture[:, None, :, 1:]

    with pytest.raises(ValueError, match=r"pieces .* = \(1, 2, 20\), got \(1, 1, 2, 19\)"):
        separate(Shorter(), noise(50), OverlapAdd(20))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("segment_samples", 0),
        ("overlap", 1.0),
        ("overlap", -0.1),
        ("shifts", -1),
        ("batch_size", 0),
        ("max_shift", -1),
        ("max_shift", 101),
        ("transition_power", 0.5),
    ],
)
def test_settings_out_of_range_are_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{setting}: expected .*got {value}"):
        OverlapAdd(**{"segment_samples": 100, setting: value})  # type: ignore[arg-type]


def test_shifts_without_a_longest_shift_are_refused() -> None:
    with pytest.raises(ValueError, match="max_shift: expected at least 1 with shifts=2"):
        OverlapAdd(100, shifts=2)


def published_and_ours(kind: str, audio: AudioFormat) -> tuple[Any, nn.Module]:
    """A small network of the package and ours with its weights."""
    sources = list(audio.sources)
    small: dict[str, Any] = {"channels": 8, "nfft": 256, "samplerate": audio.sample_rate}
    network: nn.Module
    published: Any
    if kind == "hdemucs":
        published = PublishedHybrid(sources, 1, **small, depth=4, segment=0.5)
        network = hdemucs.Config(channels=8, depth=4, n_fft=256).build(audio)
    else:
        published = PublishedTransformer(
            sources, 1, **small, depth=2, dconv_comp=2, t_layers=2, t_heads=2, segment=0.5
        )
        network = htdemucs.Config(
            channels=8, depth=2, n_fft=256, compression=2, branches="encoder", bottom_channels=0,
            transformer_layers=2, heads=2, segment_seconds=0.5,
        ).build(audio)  # fmt: skip
    copy_audible(published, network)
    return published, network


@pytest.mark.parametrize("kind", ["hdemucs", "htdemucs"])
@pytest.mark.parametrize(
    ("samples", "overlap", "power", "shifts", "segment"),
    [
        (700, 0.25, 1.0, 0, None),
        (9050, 0.25, 1.0, 0, None),
        (9050, 0.6, 3.0, 2, None),
        (5000, 0.1, 1.5, 3, 0.3),
        (8000, 0.0, 1.0, 1, None),
    ],
)
def test_short_last_pieces_give_the_estimates_of_the_package(
    kind: str,
    samples: int,
    overlap: float,
    power: float,
    shifts: int,
    segment: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    audio = AudioFormat(4000, 1, ("low", "high"))
    published, network = published_and_ours(kind, audio)
    torch.manual_seed(3)
    mixture = torch.randn(1, samples)
    how = OverlapAdd(
        audio.samples(segment or 0.5), overlap, shifts, 2000 if shifts and not segment else 1200,
        3, 0, transition_power=power, last_piece="short",
    )  # fmt: skip
    # Its longest delay is half a second, counted down: an offset of 2000 delays nothing.
    offsets = iter([2000 - delay for delay in how.delays()])
    monkeypatch.setattr(random, "randint", lambda low, high: next(offsets))
    expected = apply_model(published, mixture[None], shifts, True, overlap, power, segment=segment)
    found = separate(network, mixture, how)
    assert relative_difference(found, expected[0]) < 1e-5
