"""VPNNs against an independent forward pass, their vectors and their masks by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import ConfigError, build
from gan_sep.generators.vpnn import (
    COLOUR_BIAS,
    VPNN,
    Config,
    colour_vectors,
    context_vectors,
    to_colour,
)
from gan_sep.spectra import Stft

VOICE = AudioFormat(16000, 1, ("music", "voice"))
STEREO = AudioFormat(16000, 2, ("drums", "bass", "other"))
KINDS: Any = pytest.mark.parametrize("vectors", ["context", "colour"])


def tiny(vectors: Any, audio: AudioFormat) -> VPNN:
    torch.manual_seed(0)
    return Config(stft=Stft(32, 16), hidden=6, layers=2, vectors=vectors).build(audio)


@KINDS
def test_the_default_has_the_published_size(vectors: Any) -> None:
    with torch.device("meta"):
        network = Config(vectors=vectors).build(VOICE)
    pairs = 513 * 512 + 2 * 512 * 512 + 512 * 1026  # of neurons, with a 3-vector each
    neurons = 3 * 512 + 1026
    assert sum(p.numel() for p in network.parameters()) == 3 * (pairs + neurons) == 3944454


def test_a_context_vector_is_a_bin_in_three_frames_over_the_rms() -> None:
    magnitude = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[None, None]  # (1, 1, 2, 3)
    vectors = context_vectors(magnitude)[0] * (91 / 6) ** 0.5  # (N, F, 3)
    expected = [[[0, 1, 2], [0, 4, 5]], [[1, 2, 3], [4, 5, 6]], [[2, 3, 0], [5, 6, 0]]]
    torch.testing.assert_close(vectors, torch.tensor(expected).float())


@pytest.mark.parametrize(
    ("x", "colour"),
    [
        (0.0, (0, 0, 0)),
        (COLOUR_BIAS / 2, (0.5, 0, 0)),
        (COLOUR_BIAS, (1, 0, 0)),
        (COLOUR_BIAS * 1.25, (1, 0.25, 0)),
        (COLOUR_BIAS * 2, (1, 1, 0)),
        (0.5 + COLOUR_BIAS, (1, 1, 0.5)),
        (1.0, (1, 1, 1)),
    ],
)
def test_red_fills_first_then_green_then_blue(x: float, colour: tuple[float, ...]) -> None:
    expected = torch.tensor(colour).float()
    torch.testing.assert_close(to_colour(torch.tensor(x)), expected, atol=1e-6, rtol=0)


def test_what_a_network_makes_of_a_colour_is_the_number_it_came_from() -> None:
    numbers = torch.linspace(0, 1, 1001)
    to_real = tiny("colour", VOICE).to_real
    torch.testing.assert_close(to_colour(numbers) @ to_real, numbers, atol=1e-6, rtol=0)


def test_colours_are_those_of_the_magnitudes_over_their_maximum() -> None:
    magnitude = torch.tensor([[4.0, 0.0], [8.0, 1.0]])[None, None]  # (1, 1, F, N)
    expected = to_colour(torch.tensor([[0.5, 1.0], [0.0, 0.125]]))  # (N, F, 3)
    torch.testing.assert_close(colour_vectors(magnitude)[0], expected)


def independent_masks(network: VPNN, magnitude: Tensor) -> Any:
    """The masks (S, C, F, N) of one item, frame by frame and cross product by cross product."""
    weights = {name: p.double().numpy() for name, p in network.state_dict().items()}
    x = magnitude.double().numpy()  # (C, F, N)
    C, F, N = x.shape
    outputs = []
    for n in range(N):
        v = independent_vectors(network.config.vectors, x, n)
        for name in ("hidden.0", "hidden.1", "output"):
            w, b = weights[f"{name}.weight"], weights[f"{name}.bias"]
            v = np.stack([np.cross(w[i], v).sum(0) + b[i] for i in range(len(w))])  # (I, 3)
            v = v if name == "output" else np.maximum(v, 0)
        context = network.config.vectors == "context"
        real = v[:, 1] if context else 0.0938 * (v[:, 0] + v[:, 1]) + 0.8124 * v[:, 2]
        outputs.append(np.abs(real).reshape(-1, C, F))
    a = np.stack(outputs, axis=-1)  # (S, C, F, N)
    return a / a.sum(0)


def independent_vectors(vectors: str, x: Any, n: int) -> Any:
    """The vectors (C * F, 3) of frame n of magnitudes (C, F, N)."""
    if vectors == "context":
        frames = np.pad(x / np.sqrt((x**2).mean()), ((0, 0), (0, 0), (1, 1)))
        return frames[..., n : n + 3].reshape(-1, 3)
    frame = x[..., n].reshape(-1) / x.max()
    thirds = frame / 0.0938, frame / 0.0938 - 1, (frame - 0.1876) / 0.8124
    return np.clip(np.stack(thirds, axis=-1), 0, 1)


@KINDS
def test_masks_are_those_of_an_independent_forward_pass(vectors: Any) -> None:
    network = tiny(vectors, STEREO)
    magnitude = torch.rand(2, 2, 17, 9)
    masks = network.masks(magnitude).detach().numpy()
    for item in range(2):
        expected = independent_masks(network, magnitude[item])
        np.testing.assert_allclose(masks[item], expected, atol=1e-4)


@KINDS
@pytest.mark.parametrize("length", [1, 31, 400])
def test_estimates_share_out_the_mixture(vectors: Any, length: int) -> None:
    network = tiny(vectors, STEREO)
    mixture = torch.randn(2, 2, length)
    estimates = network(mixture)
    assert estimates.shape == (2, 3, 2, length)
    torch.testing.assert_close(estimates.sum(1), mixture, atol=1e-5, rtol=1e-5)


@KINDS
def test_estimates_follow_the_level_of_the_mixture(vectors: Any) -> None:
    network = tiny(vectors, STEREO)
    mixture = torch.randn(1, 2, 500)
    torch.testing.assert_close(network(50 * mixture), 50 * network(mixture), atol=1e-3, rtol=1e-3)


@KINDS
def test_silence_is_separated_into_silence_with_finite_gradients(vectors: Any) -> None:
    network = tiny(vectors, STEREO)
    estimates = network(torch.zeros(2, 2, 300))
    assert torch.equal(estimates, torch.zeros(2, 3, 2, 300))
    estimates.abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@KINDS
def test_half_precision_leaves_estimates_that_add_up(vectors: Any) -> None:
    network = tiny(vectors, STEREO)
    mixture = torch.randn(1, 2, 500)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimates = network(mixture)
    assert estimates.dtype == torch.float32
    torch.testing.assert_close(estimates.sum(1), mixture, atol=1e-5, rtol=1e-5)


@KINDS
def test_a_few_steps_teach_the_network_to_tell_two_tones_apart(vectors: Any) -> None:
    torch.manual_seed(0)
    time = torch.arange(3200) / 16000
    tones = torch.sin(2 * torch.pi * torch.tensor([[500.0], [3000.0]]) * time)  # (2, T)
    sources = tones[None, :, None]  # (1, S, 1, T)
    network = Config(stft=Stft(128, 64), hidden=16, vectors=vectors).build(VOICE)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (network(sources.sum(1)) - sources).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vectors", "wavelet"),
        ("hidden", 0),
        ("layers", 0),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: expected"):
        Config(**{field: value})


def test_a_configuration_names_the_vectors() -> None:
    assert build(Config, {"vectors": "colour"}) == Config(vectors="colour")
    with pytest.raises(ConfigError, match=r"^vectors: expected .*did you mean 'colour'\?"):
        build(Config, {"vectors": "color"})
