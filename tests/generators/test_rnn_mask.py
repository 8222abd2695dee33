"""RNN mask networks against an independent forward pass, and their masks by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import build
from gan_sep.generators.layers.joint_masks import joint_mask, with_context
from gan_sep.generators.rnn_mask import Config, Recurrent, RNNMask
from gan_sep.spectra import Stft, stft

VOICE = AudioFormat(16000, 1, ("music", "voice"))
STEREO = AudioFormat(16000, 2, ("drums", "bass", "other"))
RECURRENT = [(), (1,), (2,), (1, 2, 3)]


def test_the_default_has_the_size_of_the_published_drnn_2() -> None:
    with torch.device("meta"):
        network = Config().build(VOICE)
    sizes = {name: p.numel() for name, p in network.named_parameters()}
    inputs, outputs, hidden = 3 * 513, 2 * 513, 1000
    square = hidden * hidden + hidden
    recurrence = hidden * hidden
    expected = (inputs + 1) * hidden + 2 * square + recurrence + (hidden + 1) * outputs
    assert sum(sizes.values()) == expected


def test_a_frame_is_seen_with_its_neighbours_and_silence_outside() -> None:
    magnitude = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[None, None]  # (1, 1, 2, 3)
    frames = with_context(magnitude, 3)
    assert frames[0].tolist() == [[0, 1, 2, 0, 4, 5], [1, 2, 3, 4, 5, 6], [2, 3, 0, 5, 6, 0]]
    assert with_context(magnitude, 1)[0].tolist() == [[1, 4], [2, 5], [3, 6]]


def test_masks_are_shares_of_the_outputs_magnitudes() -> None:
    outputs = torch.tensor([[3.0, 0.0, -1.0], [-1.0, 0.0, 1.0]])[None]  # (1, 2, 3)
    assert joint_mask(outputs)[0].tolist() == [[0.75, 0, 0.5], [0.25, 0, 0.5]]


def independent_masks(network: RNNMask, magnitude: Tensor) -> Any:
    """The masks (S, C, F, N) of one item, frame by frame in numpy."""
    weights = {name: p.double().numpy() for name, p in network.state_dict().items()}
    x = magnitude.double().numpy()  # (C, F, N)
    x = x / np.sqrt((x**2).mean())
    C, F, N = x.shape
    x = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    frames: Any = [x[..., n : n + 3].reshape(-1) for n in range(N)]
    for layer in range(3):
        name, previous, outputs = f"hidden.{layer}", 0.0, []
        for frame in frames:
            z = weights[f"{name}.linear.weight"] @ frame + weights[f"{name}.linear.bias"]
            if f"{name}.recurrence.weight" in weights:
                z += weights[f"{name}.recurrence.weight"] @ (previous + np.zeros(len(z)))
            previous = np.maximum(z, 0)
            outputs.append(previous)
        frames = outputs
    out = [np.abs(weights["output.weight"] @ f + weights["output.bias"]) for f in frames]
    a = np.stack([o.reshape(-1, C, F) for o in out], axis=-1)  # (S, C, F, N)
    return a / a.sum(0)


@pytest.mark.parametrize("recurrent", RECURRENT)
def test_masks_are_those_of_an_independent_forward_pass(recurrent: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    config = Config(stft=Stft(32, 16), hidden=6, recurrent=recurrent)
    network = config.build(STEREO)
    magnitude = torch.rand(2, 2, 17, 9)
    masks = network.masks(magnitude).detach().numpy()
    for item in range(2):
        expected = independent_masks(network, magnitude[item])
        np.testing.assert_allclose(masks[item], expected, atol=1e-5)


def test_a_recurrence_that_amplifies_stays_finite_on_long_tracks() -> None:
    network = Config.tiny().build(VOICE)
    torch.nn.init.ones_(network.get_parameter("hidden.1.recurrence.weight"))
    assert network(torch.randn(1, 1, 10000)).isfinite().all()


def test_a_recurrent_layer_counts_up_to_its_ceiling() -> None:
    layer = Recurrent(1, 1)
    for parameter in layer.parameters():
        torch.nn.init.ones_(parameter)
    outputs = layer(torch.tensor([[[-3.0], [1.0], [4.0], [30.0], [-30.0]]]))
    assert outputs.flatten().tolist() == [0, 2, 7, 20, 0]


@pytest.mark.parametrize("length", [1, 31, 400])
def test_estimates_share_out_the_mixture(length: int) -> None:
    network = Config.tiny().build(STEREO)
    mixture = torch.randn(2, 2, length)
    estimates = network(mixture)
    assert estimates.shape == (2, 3, 2, length)
    torch.testing.assert_close(estimates.sum(1), mixture, atol=1e-5, rtol=1e-5)


def test_estimates_are_the_masked_spectrum_with_the_phase_of_the_mixture() -> None:
    network = Config.tiny().build(VOICE)
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.bias[:33], network.output.bias[33:] = 3.0, -1.0
    mixture = torch.randn(1, 1, 300)
    expected = torch.stack([0.75 * mixture, 0.25 * mixture], dim=1)
    torch.testing.assert_close(network(mixture), expected, atol=1e-5, rtol=1e-5)


def test_estimates_follow_the_level_of_the_mixture() -> None:
    network = Config.tiny().build(STEREO)
    mixture = torch.randn(1, 2, 500)
    torch.testing.assert_close(network(50 * mixture), 50 * network(mixture), atol=1e-3, rtol=1e-3)


def test_silence_is_separated_into_silence_with_finite_gradients() -> None:
    network = Config.tiny().build(STEREO)
    estimates = network(torch.zeros(2, 2, 300))
    assert torch.equal(estimates, torch.zeros(2, 3, 2, 300))
    estimates.abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_half_precision_leaves_estimates_that_add_up() -> None:
    network = Config.tiny().build(STEREO)
    mixture = torch.randn(1, 2, 500)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimates = network(mixture)
    assert estimates.dtype == torch.float32
    torch.testing.assert_close(estimates.sum(1), mixture, atol=1e-5, rtol=1e-5)


def test_a_few_steps_teach_the_network_to_tell_two_tones_apart() -> None:
    torch.manual_seed(0)
    time = torch.arange(3200) / 16000
    tones = torch.sin(2 * torch.pi * torch.tensor([[500.0], [3000.0]]) * time)  # (2, T)
    sources = tones[None, :, None]  # (1, S, 1, T)
    network = Config(stft=Stft(128, 64), hidden=16).build(VOICE)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = (network(sources.sum(1)) - sources).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_frames_are_those_of_the_settings() -> None:
    network = Config(stft=Stft(64, 16), hidden=4).build(VOICE)
    spectrum = stft(torch.randn(1, 1, 100), 64, 16)
    assert network.masks(spectrum.abs()).shape == (1, 2, 1, 33, 8)


def test_recurrent_layers_are_a_list_in_a_configuration() -> None:
    assert build(Config, {"recurrent": [1, 2, 3]}) == Config(recurrent=(1, 2, 3))
    assert build(Config, {"recurrent": []}) == Config(recurrent=())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("context", 0),
        ("context", 2),
        ("hidden", 0),
        ("layers", 0),
        ("recurrent", (0,)),
        ("recurrent", (4,)),
        ("recurrent", (2, 2)),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: expected"):
        Config(**{field: value})
