"""Demucs against the published formulas, names and numbers, and the published code."""

import math
from typing import Any

import pytest
import torch
from demucs.demucs import Demucs as Published
from torch import Tensor
from torch.nn import functional as F

from gan_sep.audio import AudioFormat
from gan_sep.fast.resampling import Downsample2, Upsample2
from gan_sep.generators.demucs import Config, Demucs

STEREO = AudioFormat()


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (Config(), 265.7),
        (Config(channels=32), 66.4),
        (Config(channels=100, resample=False), 648.5),
    ],
)
def test_parameter_counts_are_the_published(config: Config, millions: float) -> None:
    with torch.device("meta"):
        network = config.build(STEREO)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def published_names(depth: int, lstm_layers: int) -> set[str]:
    """The keys of a published v1 or v2 state dict."""
    names = {"lstm.linear.weight", "lstm.linear.bias"}
    for index in range(depth):
        for part in ("encoder", "decoder"):
            names |= {f"{part}.{index}.{i}.{p}" for i in (0, 2) for p in ("weight", "bias")}
    for layer in range(lstm_layers):
        for direction in ("", "_reverse"):
            for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                names.add(f"lstm.lstm.{p}_l{layer}{direction}")
    return names


def test_state_dict_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        state = Config().build(STEREO).state_dict()
    assert set(state) == published_names(depth=6, lstm_layers=2)
    shapes = {
        "encoder.0.0.weight": (64, 2, 8),
        "encoder.0.2.weight": (128, 64, 1),
        "encoder.5.0.weight": (2048, 1024, 8),
        "lstm.lstm.weight_ih_l1_reverse": (8192, 4096),
        "lstm.linear.weight": (2048, 4096),
        "decoder.0.0.weight": (4096, 2048, 3),
        "decoder.0.2.weight": (2048, 1024, 8),
        "decoder.5.2.weight": (64, 8, 8),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


def plain_forward(state: dict[str, Tensor], x: Tensor, network: Demucs) -> Tensor:
    """The published network (two layers) on a valid length, written out from its state dict."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return F.conv1d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride)

    def up(x: Tensor, name: str) -> Tensor:
        return F.conv_transpose1d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=4)

    def trim(x: Tensor, like: Tensor) -> Tensor:
        left = (x.shape[-1] - like.shape[-1]) // 2
        return x[..., left : left + like.shape[-1]]

    first = F.glu(conv(F.relu(conv(x, "encoder.0.0", 4)), "encoder.0.2"), dim=1)
    second = F.glu(conv(F.relu(conv(first, "encoder.1.0", 4)), "encoder.1.2"), dim=1)
    assert network.lstm is not None
    hidden = network.lstm.lstm(second.permute(2, 0, 1))[0]
    middle = F.linear(hidden, state["lstm.linear.weight"], state["lstm.linear.bias"])
    x = middle.permute(1, 2, 0)
    x = F.relu(up(F.glu(conv(x + trim(second, x), "decoder.0.0"), dim=1), "decoder.0.2"))
    return up(F.glu(conv(x + trim(first, x), "decoder.1.0"), dim=1), "decoder.1.2")


@pytest.mark.parametrize("resample", [False, True])
@pytest.mark.parametrize("length", [1, 37, 1000, 1023])
def test_forward_is_the_published_network_on_the_padded_mixture(
    length: int, resample: bool
) -> None:
    audio = AudioFormat(channels=2, sources=("music", "voice", "noise"))
    config = Config(channels=4, depth=2, lstm_layers=1, resample=resample, normalize=False)
    network = config.build(audio)
    mixture = torch.randn(2, 2, length)
    surplus = network.valid_length(length) - length
    x = F.pad(mixture, (surplus // 2, surplus - surplus // 2))
    x = Upsample2()(x) if resample else x
    x = plain_forward(network.state_dict(), x, network)
    x = Downsample2()(x) if resample else x
    left = (x.shape[-1] - length) // 2
    expected = x[..., left : left + length].reshape(2, 3, 2, length)
    torch.testing.assert_close(network(mixture), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kernel", [8, 5])
@pytest.mark.parametrize("resample", [False, True])
def test_valid_length_leaves_no_remainder_and_covers_the_request(
    kernel: int, resample: bool
) -> None:
    network = Config(channels=4, depth=3, kernel=kernel, resample=resample).build(STEREO)
    for length in (1, 2, 100, 1001, 44100):
        valid = network.valid_length(length)
        assert valid >= length
        inner = 2 * valid if resample else valid
        for _ in range(3):
            assert (inner - kernel) % 4 <= int(resample and kernel % 2)
            inner = (inner - kernel) // 4 + 1
        for _ in range(3):
            inner = (inner - 2 - 1) * 4 + kernel  # a context of 3 takes 2 samples
        assert inner >= (2 * length if resample else length)


@pytest.mark.parametrize("length", [1, 2, 333, 4096])
@pytest.mark.parametrize(
    "changes", [{}, {"glu": False}, {"rewrite": False}, {"lstm_layers": 0}, {"context": 1}]
)
def test_estimates_have_the_length_of_the_mixture(changes: dict[str, Any], length: int) -> None:
    network = Config(**{"channels": 4, "depth": 2, "lstm_layers": 1} | changes).build(STEREO)
    assert network(torch.randn(1, 2, length)).shape == (1, 4, 2, length)


def test_without_rewrite_each_layer_has_one_convolution() -> None:
    state = Config(channels=4, depth=2, rewrite=False, lstm_layers=0).build(STEREO).state_dict()
    names = {f"{part}.{i}.0.{p}" for part in ("encoder", "decoder") for i in (0, 1)
             for p in ("weight", "bias")}  # fmt: skip
    assert set(state) == names


def test_initial_weights_are_pulled_towards_the_reference_deviation() -> None:
    def weights(rescale: float | None) -> dict[str, Tensor]:
        torch.manual_seed(0)
        return Config(channels=4, depth=2, rescale=rescale).build(STEREO).state_dict()

    raw, rescaled = weights(None), weights(0.1)
    for name in ("encoder.0.0", "encoder.1.2", "decoder.0.0", "decoder.1.2"):
        scale = math.sqrt(raw[f"{name}.weight"].std().item() / 0.1)
        for kind in ("weight", "bias"):
            torch.testing.assert_close(
                rescaled[f"{name}.{kind}"], raw[f"{name}.{kind}"] / scale, msg=name
            )
    assert torch.equal(rescaled["lstm.linear.weight"], raw["lstm.linear.weight"])


def test_growth_multiplies_and_rounds_down_the_channels() -> None:
    state = Config(channels=3, depth=3, growth=1.5, lstm_layers=0).build(STEREO).state_dict()
    assert [len(state[f"encoder.{i}.0.weight"]) for i in range(3)] == [3, 4, 6]


def test_normalized_estimates_follow_the_level_and_offset_of_the_mixture() -> None:
    network = Config.tiny().build(STEREO)
    mixture = torch.randn(1, 2, 900)
    estimates = network(mixture)
    torch.testing.assert_close(network(5 * mixture + 3), 5 * estimates + 3, atol=2e-3, rtol=1e-3)


def test_normalization_is_the_published_recipe_around_the_bare_network() -> None:
    torch.manual_seed(0)
    network = Config.tiny().build(STEREO)
    bare = Config(channels=4, depth=2, lstm_layers=1, normalize=False).build(STEREO)
    bare.load_state_dict(network.state_dict(), strict=True)
    track = 0.2 * torch.randn(2, 1200) + 0.01
    mono = track.mean(0)
    expected = bare((track - mono.mean())[None] / mono.std()) * mono.std() + mono.mean()
    torch.testing.assert_close(network(track[None]), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("length", [1, 500])
def test_silence_is_separated_into_silence_with_finite_gradients(length: int) -> None:
    network = Config.tiny().build(STEREO)
    estimates = network(torch.zeros(2, 2, length))
    assert torch.equal(estimates, torch.zeros(2, 4, 2, length))
    estimates.abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_mixture_is_normalized_by_its_own_statistics_only() -> None:
    network = Config.tiny().build(STEREO)
    quiet, loud = 1e-3 * torch.randn(1, 2, 700), torch.randn(1, 2, 700)
    together = network(torch.cat([quiet, loud]))
    torch.testing.assert_close(together[:1], network(quiet), atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("channels", 0),
        ("depth", 0),
        ("kernel", 0),
        ("stride", 0),
        ("stride", 9),
        ("context", 0),
        ("growth", 0.5),
        ("lstm_layers", -1),
        ("rescale", 0.0),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: expected"):
        Config(**{field: value})


@pytest.mark.parametrize("channels", [1, 2])
def test_initial_weights_are_those_of_the_published_code(channels: int) -> None:
    """The package of today names the parameters otherwise and holds them in the same order."""
    audio = AudioFormat(channels=channels)
    torch.manual_seed(7)
    published = Published(
        list(audio.sources), channels, channels=8, depth=4, lstm_layers=2, norm_starts=4,
        dconv_mode=0,
    )  # fmt: skip
    torch.manual_seed(7)
    network = Config(channels=8, depth=4).build(audio)
    for weight, expected in zip(network.parameters(), published.parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=0)
