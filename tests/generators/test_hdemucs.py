"""Hybrid Demucs against the package demucs, torchaudio and the published numbers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from demucs.hdemucs import HDemucs as Published
from generators.hybrid_oracle import (
    copy_audible,
    double_precision,
    parameters,
    require_equal,
    require_equal_gradients,
)
from torch import nn
from torchaudio.models import HDemucs as OfTorchaudio

from gan_sep.audio import AudioFormat
from gan_sep.generators.hdemucs import Config

STEREO = AudioFormat()
# Around the hop, 256 in the small networks, and the reflection's 384.
LENGTHS = [1, 2, 3, 7, 100, 255, 256, 257, 383, 385, 511, 1000, 1023, 1025, 2047]
LONG = [9999, 66_150, 529_200]  # up to 12 s at 44.1 kHz, past the LSTM's 200 steps


def pair(audio: AudioFormat = STEREO, **changes: Any) -> tuple[nn.Module, nn.Module]:
    """Ours and the package's, small, with the same weights; the branches meet in layer 3 of 5."""
    torch.manual_seed(0)
    network = Config(channels=8, n_fft=1024, depth=5, norm_starts=3, lstm_starts=3,
                     attention_starts=3).build(audio)  # fmt: skip
    published = Published(
        list(audio.sources), audio.channels, channels=8, nfft=1024, depth=5, norm_starts=3,
        dconv_lstm=3, dconv_attn=3, dconv_init=1e-3, **changes,
    )  # fmt: skip
    copy_audible(published, network)
    return network, published


@pytest.fixture
def float64() -> Iterator[None]:
    with double_precision():
        yield


def test_parameter_counts_are_the_published() -> None:
    assert parameters(Config(), STEREO) == 83_637_832
    assert parameters(Config(), AudioFormat(channels=1)) == 83_632_060
    assert parameters(Config(branches="both"), STEREO) == pytest.approx(109.07e6, abs=5e3)
    assert parameters(Config(attention_starts=6), STEREO) == pytest.approx(82.14e6, abs=5e3)
    assert parameters(Config(lstm_starts=6), STEREO) == pytest.approx(68.12e6, abs=5e3)
    assert parameters(Config(channels=64), STEREO) == pytest.approx(148.60e6, abs=5e3)


def test_parameters_are_named_and_shaped_as_the_published() -> None:
    with torch.device("meta"):
        state = Config().build(STEREO).state_dict()
        published = Published(list(STEREO.sources)).state_dict()
    assert len(state) == 395
    assert {n: w.shape for n, w in state.items()} == {n: w.shape for n, w in published.items()}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_initial_weights_are_those_of_the_published_code(channels: int, mode: int) -> None:
    audio = AudioFormat(8000, channels, ("voice", "music"))
    torch.manual_seed(7)
    expected = Published(
        list(audio.sources), channels, channels=8, nfft=1024, depth=6, dconv_mode=mode
    ).state_dict()
    torch.manual_seed(7)
    branches: Any = ("none", "encoder", "decoder", "both")[mode]
    config = Config(channels=8, n_fft=1024, depth=6, branches=branches, layer_scale=1e-4)
    found = config.build(audio).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
def test_estimates_are_those_of_the_published_code_at_any_length(training: bool) -> None:
    network, published = pair()
    network.train(training)
    published.train(training)
    for length in LENGTHS:
        require_equal(network, published, torch.randn(2, 2, length))


@pytest.mark.slow
def test_estimates_are_those_of_the_published_code_up_to_twelve_seconds(float64: None) -> None:
    network, published = pair()
    for length in LENGTHS + LONG:
        require_equal(network, published, torch.randn(1, 2, length))
    network.float()
    published.float()
    for length in LONG[:2]:
        require_equal(network, published, torch.randn(1, 2, length, dtype=torch.float32))


def test_estimates_in_double_precision_are_those_of_the_published_code(float64: None) -> None:
    network, published = pair(AudioFormat(8000, 1, ("voice", "music")))
    for length in LENGTHS[1:]:  # the package divides by the deviation of one sample, NaN
        require_equal(network, published, torch.randn(2, 1, length))


@pytest.mark.slow
def test_the_released_network_gives_the_published_estimates() -> None:
    torch.manual_seed(0)
    network, published = Config().build(STEREO), Published(list(STEREO.sources))
    copy_audible(published, network)
    require_equal(network, published, torch.randn(1, 2, 50_000))


def test_gradients_are_those_of_the_published_code(float64: None) -> None:
    require_equal_gradients(*pair(), samples=3000)


def torchaudio_names(name: str) -> str:
    """A parameter's name in torchaudio's network."""
    name = re.sub(r"^(encoder|decoder)", r"freq_\1", name)
    return re.sub(r"^t(encoder|decoder)", r"time_\1", name)


@pytest.mark.slow
def test_estimates_are_those_of_torchaudio(float64: None) -> None:
    torch.manual_seed(0)
    network = Config(channels=8).build(STEREO)
    other = OfTorchaudio(list(STEREO.sources), channels=8)
    copy_audible(network, network)
    state = {torchaudio_names(name): weight for name, weight in network.state_dict().items()}
    missing, unexpected = other.load_state_dict(state, strict=False)
    assert missing == ["time_encoder.4.norm1.weight", "time_encoder.4.norm1.bias"]  # not used there
    assert not unexpected
    for length in (1024, 3000, 10_000, 44_100):
        require_equal(network, other, torch.randn(1, 2, length))


def test_one_sample_in_mono_is_separated_into_finite_estimates() -> None:
    network = Config.tiny().build(AudioFormat(8000, 1, ("voice", "music")))
    assert network(torch.randn(2, 1, 1)).isfinite().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_fft": 2048}, "n_fft: .* meet for n_fft 64, 256, 1024, 4096, 16384, got 2048"),
        ({"depth": 4}, "n_fft: .* meet for n_fft 64, 256, 1024, got 4096"),
        ({"kernel": 6}, "kernel: expected twice the stride"),
        ({"channels": 0}, "channels: expected at least 1"),
        ({"rescale": 0.0}, "rescale: expected more than 0"),
        ({"compression": 64}, "compression: expected 1 to half of the 48 channels"),
        ({"time_stride": 0}, "time_stride: expected 1 or an even number"),
        ({"time_stride": 5}, "time_stride: expected 1 or an even number above, got 5"),
    ],
)
def test_impossible_settings_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**changes)
