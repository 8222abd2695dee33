"""Hybrid Transformer Demucs against the package demucs and the published numbers."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import torch
from demucs.htdemucs import HTDemucs as Published
from generators.hybrid_oracle import (
    copy_audible,
    double_precision,
    parameters,
    require_equal,
    require_equal_gradients,
)
from torch import nn

from gan_sep.audio import AudioFormat
from gan_sep.generators.htdemucs import Config

STEREO = AudioFormat()
RELEASED: dict[str, Any] = {"dconv_mode": 3, "bottom_channels": 512, "segment": Fraction(39, 5)}
# Around the hop, 256 in the small networks, and the reflection's 384.
LENGTHS = [1, 2, 3, 7, 100, 255, 256, 257, 383, 385, 511, 1000, 1023, 1025, 2047]
LONG = [9999, 44_100, 96_000]  # up to 12 s at 8 kHz


def pair(
    audio: AudioFormat = STEREO, segment: Fraction = Fraction(1, 4), bottom: int = 32
) -> tuple[nn.Module, nn.Module]:
    """Ours and the package's, small, with the same weights."""
    config = Config(
        channels=16, n_fft=1024, depth=3, bottom_channels=bottom, heads=4,
        segment_seconds=float(segment),
    )  # fmt: skip
    published = Published(
        list(audio.sources), audio.channels, channels=16, nfft=1024, depth=3,
        bottom_channels=bottom, t_heads=4, dconv_mode=3, segment=segment,
        samplerate=audio.sample_rate,
    )  # fmt: skip
    torch.manual_seed(0)
    network = config.build(audio)
    copy_audible(published, network)
    return network, published


@pytest.fixture
def float64() -> Iterator[None]:
    with double_precision():
        yield


def test_parameter_counts_are_the_published() -> None:
    assert parameters(Config(), STEREO) == 41_984_456
    assert parameters(Config(transformer_layers=7), STEREO) == 54_604_232
    six = AudioFormat(sources=("drums", "bass", "other", "vocals", "guitar", "piano"))
    assert parameters(Config(bottom_channels=0), six) == 27_414_996
    assert parameters(Config(branches="encoder"), STEREO) == 41_473_616
    assert parameters(Config(branches="encoder", bottom_channels=0), STEREO) == 26_899_536
    deep = Config(branches="encoder", bottom_channels=0, transformer_layers=7)
    assert parameters(deep, STEREO) == 34_005_072


def test_parameters_are_named_and_shaped_as_the_published() -> None:
    with torch.device("meta"):
        state = Config().build(STEREO).state_dict()
        published = Published(list(STEREO.sources), **RELEASED).state_dict()
    assert len(state) == 533
    assert {n: w.shape for n, w in state.items()} == {n: w.shape for n, w in published.items()}


@pytest.mark.parametrize("bottom", [0, 32])
def test_initial_weights_are_those_of_the_published_code(bottom: int) -> None:
    torch.manual_seed(7)
    expected = Published(
        ["voice", "music"], 1, channels=16, nfft=1024, depth=3, bottom_channels=bottom, dconv_mode=3
    ).state_dict()
    torch.manual_seed(7)
    config = Config(channels=16, n_fft=1024, depth=3, bottom_channels=bottom)
    found = config.build(AudioFormat(8000, 1, ("voice", "music"))).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("bottom", [0, 32])
def test_estimates_in_training_are_those_of_the_published_code(bottom: int) -> None:
    network, published = pair(bottom=bottom)
    for length in LENGTHS:
        require_equal(network, published, torch.randn(1, 2, length))


@pytest.mark.slow
def test_estimates_in_evaluation_are_those_of_the_published_code() -> None:
    network, published = pair(AudioFormat(sample_rate=8000))  # a segment of 2000 samples
    network.eval()
    published.eval()
    for length in [n for n in LENGTHS if n <= 2000] + [1999, 2000]:
        require_equal(network, published, torch.randn(2, 2, length))


def test_estimates_in_double_precision_are_those_of_the_published_code(float64: None) -> None:
    network, published = pair(AudioFormat(8000, 1, ("voice", "music")))
    for length in (2, 100, 1025):  # the package divides by the deviation of one sample, NaN
        require_equal(network, published, torch.randn(2, 1, length))


@pytest.mark.slow
def test_estimates_are_those_of_the_published_code_up_to_twelve_seconds(float64: None) -> None:
    network, published = pair(AudioFormat(sample_rate=8000), segment=Fraction(12))
    for training in (True, False):
        network.train(training)
        published.train(training)
        for length in [*LENGTHS, *LONG] if training else LONG[1:]:
            require_equal(network, published, torch.randn(1, 2, length))
    network.float().train()
    published.float().train()
    torch.set_default_dtype(torch.float32)
    for length in LONG:
        require_equal(network, published, torch.randn(1, 2, length))


@pytest.mark.slow
def test_the_released_network_gives_the_published_estimates() -> None:
    torch.manual_seed(0)
    network, published = Config().build(STEREO), Published(list(STEREO.sources), **RELEASED)
    copy_audible(published, network)
    require_equal(network, published, torch.randn(1, 2, 50_000))


def test_gradients_are_those_of_the_published_code(float64: None) -> None:
    require_equal_gradients(*pair(), samples=1000)


def test_a_long_mixture_is_separated_in_pieces_of_the_segment() -> None:
    network, _ = pair(AudioFormat(sample_rate=8000))
    network.eval()
    mixture = torch.randn(1, 2, 4700)
    with torch.no_grad():
        found = network(mixture)
        pieces = [network(mixture[..., start : start + 2000]) for start in (0, 2000, 4000)]
    torch.testing.assert_close(found, torch.cat(pieces, -1), rtol=0, atol=0)


def test_without_a_segment_evaluation_is_as_training() -> None:
    network = Config(
        channels=16, n_fft=1024, depth=3, bottom_channels=32, heads=4, segment_seconds=None
    ).build(STEREO)
    mixture = torch.randn(1, 2, 3000)
    with torch.no_grad():
        trained = network(mixture)
        torch.testing.assert_close(network.eval()(mixture), trained)


def test_dropout_is_of_training_only() -> None:
    network = Config(
        channels=16,
        n_fft=1024,
        depth=3,
        bottom_channels=32,
        heads=4,
        dropout=0.5,
        segment_seconds=None,
    ).build(STEREO)
    for layer in network.modules():
        if hasattr(layer, "scale") and isinstance(layer.scale, torch.Tensor):
            nn.init.constant_(layer.scale, 0.7)
    mixture = torch.randn(1, 2, 300)
    with torch.no_grad():
        assert not torch.equal(network(mixture), network(mixture))
        network.eval()
        assert torch.equal(network(mixture), network(mixture))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_fft": 1024}, "n_fft: expected a multiple of 2 x stride.depth = 512, .* got 1024"),
        ({"heads": 7}, "heads: .* divisible by 4 and by the 7 heads, got 512"),
        ({"heads": 0}, "heads: expected at least 1, got 0"),
        ({"dropout": 1.0}, "dropout: expected"),
        ({"transformer_layers": -1}, "transformer_layers: expected 0 or more"),
        ({"segment_seconds": 0.0}, "segment_seconds: expected 0.1 to 60 or null, got 0.0"),
        ({"segment_seconds": 61.0}, "segment_seconds: expected 0.1 to 60 or null"),
        ({"channels": 0}, "channels: expected at least 1"),
    ],
)
def test_impossible_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**changes)
