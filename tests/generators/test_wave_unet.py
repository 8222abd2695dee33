"""Wave-U-Net against the published sizes and a plain forward pass in numpy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.generators.wave_unet import Config, WaveUNet

STEREO = AudioFormat(22050)
VOICE = AudioFormat(22050, 2, ("accompaniment", "vocals"))


def with_biases(network: WaveUNet) -> WaveUNet:
    """The network with every bias away from 0, where it begins."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize("audio", [STEREO, VOICE], ids=["M6", "M4"])
def test_every_convolution_has_the_published_size(audio: AudioFormat) -> None:
    """The paper gives the layers' sizes, not their sum, which is 10.26 million."""
    with torch.device("meta"):
        network = Config().build(audio)
    down = sum(15 * 24 * (i - 1) * 24 * i + 24 * i for i in range(2, 14)) + 15 * 2 * 24 + 24
    up = sum(5 * (24 * i + 24 * (i + 1)) * 24 * i + 24 * i for i in range(1, 13))
    output = (24 + 2 + 1) * 2 * (len(audio.sources) - 1)
    assert sum(p.numel() for p in network.parameters()) == down + up + output
    assert (down + up + output) / 1e6 == pytest.approx(10.26, abs=0.005)


def test_a_published_segment_needs_the_published_context() -> None:
    with torch.device("meta"):
        network = Config().build(STEREO)
    assert network.valid_lengths(16384) == (147443, 16389)


def test_without_context_a_segment_is_rounded_up_to_whole_steps_of_the_coarsest_scale() -> None:
    network = Config(depth=4, filters=2, context=False).build(STEREO)
    lengths = {length: network.valid_lengths(length) for length in (1, 16, 17, 18, 1000)}
    assert lengths == {1: (1, 1), 16: (17, 17), 17: (17, 17), 18: (33, 33), 1000: (1009, 1009)}


def plain_forward(network: WaveUNet, mixture: np.ndarray) -> np.ndarray:
    """The published features and outputs of one padded mixture (C, T), in numpy."""
    w = {name: p.double().detach().numpy() for name, p in network.named_parameters()}
    depth, context = network.config.depth, network.config.context

    def convolve(x: np.ndarray, name: str) -> np.ndarray:
        weight, bias = w[f"{name}.weight"], w[f"{name}.bias"]
        margin = 0 if context else weight.shape[2] // 2
        x = np.pad(x, ((0, 0), (margin, margin)))
        columns = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2], axis=1)
        output: np.ndarray = np.einsum("itk,oik->ot", columns, weight) + bias[:, None]
        return output

    def leaky(x: np.ndarray) -> np.ndarray:
        return np.maximum(0.2 * x, x)

    def centre(x: np.ndarray, length: int) -> np.ndarray:
        assert (x.shape[1] - length) % 2 == 0
        left = (x.shape[1] - length) // 2
        return x[:, left : left + length]

    skips = []
    x = mixture
    for level in range(depth):
        x = leaky(convolve(x, f"down.{level}"))
        skips.append(x)
        assert x.shape[1] % 2 == 1
        x = x[:, ::2]
    x = leaky(convolve(x, f"down.{depth}"))
    for level in range(depth):
        fine = np.arange(2 * x.shape[1] - 1) / 2
        x = np.stack([np.interp(fine, np.arange(len(row)), row) for row in x])
        x = leaky(convolve(np.concatenate([centre(skips.pop(), x.shape[1]), x]), f"up.{level}"))
    x = np.concatenate([centre(mixture, x.shape[1]), x])
    output: np.ndarray = np.tanh(w["output.weight"][..., 0] @ x + w["output.bias"][:, None])
    return output


@pytest.mark.parametrize("context", [True, False])
@pytest.mark.parametrize("output", ["difference", "direct"])
@pytest.mark.parametrize("length", [1, 50, 333])
def test_estimates_are_those_of_a_plain_forward_pass(
    length: int, output: Any, context: bool
) -> None:
    torch.manual_seed(0)
    config = Config(depth=3, filters=3, down_kernel=7, up_kernel=3, context=context, output=output)
    network = with_biases(config.build(STEREO))
    mixture = torch.randn(2, 2, length)
    estimates = network(mixture)
    inputs, outputs = network.valid_lengths(length)
    left, trim = (inputs - length) // 2, (outputs - length) // 2
    for item in range(2):
        signal = mixture[item].double().numpy()
        padded = np.pad(signal, ((0, 0), (left, inputs - length - left)))
        assert plain_forward(network, padded).shape[1] == outputs
        expected = plain_forward(network, padded)[:, trim : trim + length].reshape(-1, 2, length)
        if output == "difference":
            expected = np.concatenate([expected, signal[None] - expected.sum(0, keepdims=True)])
        np.testing.assert_allclose(estimates[item].detach(), expected, atol=1e-5)


def test_estimates_of_a_difference_output_add_up_to_the_mixture() -> None:
    torch.manual_seed(0)
    mixture = torch.randn(2, 2, 1000)
    for context in (True, False):
        estimates = Config(depth=3, filters=4, context=context).build(STEREO)(mixture)
        torch.testing.assert_close(estimates.sum(1), mixture, rtol=0, atol=1e-5)
    direct = Config(depth=3, filters=4, output="direct").build(STEREO)(mixture)
    assert not torch.allclose(direct.sum(1), mixture, atol=0.1)
    assert direct.abs().max() <= 1


def test_a_sample_sees_what_the_kernels_reach_at_every_scale() -> None:
    """Three scales, kernels of 7 and 3, at a sample that the coarsest scale has, too.

    The reach on each side, from the estimate down to the coarsest scale: a convolution over 3 adds
    1, interpolation halves, rounded up: 1, 1 -> 2, 1 -> 2, 1. There a convolution over 7 adds 3,
    and on the way back decimation doubles and a convolution over 7 adds 3: 4 -> 11 -> 25 -> 53.
    """
    torch.manual_seed(0)
    config = Config(depth=3, filters=4, down_kernel=7, up_kernel=3, context=False)
    network = config.build(STEREO).double()
    mixture = torch.randn(1, 2, 201, dtype=torch.float64, requires_grad=True)
    network(mixture)[0, 0, 0, 96].backward()
    assert mixture.grad is not None
    assert mixture.grad[0, 0].nonzero().flatten().tolist() == list(range(96 - 53, 96 + 53 + 1))


def test_an_initial_network_makes_silence_of_silence() -> None:
    for output in ("difference", "direct"):
        network = Config(depth=3, filters=4, output=output).build(STEREO)
        assert not network(torch.zeros(1, 2, 500)).any()


@pytest.mark.parametrize("context", [True, False])
def test_gradients_are_those_of_finite_differences(context: bool) -> None:
    torch.manual_seed(0)
    config = Config(depth=2, filters=2, down_kernel=3, up_kernel=3, context=context)
    network = with_biases(config.build(VOICE)).double()
    mixture = torch.randn(1, 2, 6, dtype=torch.float64, requires_grad=True)
    weight = network.get_parameter("down.2.weight")

    def call(mixture: Tensor, weight: Tensor) -> Tensor:
        estimates: Tensor = torch.func.functional_call(
            network, {"down.2.weight": weight}, (mixture,)
        )
        return estimates

    assert torch.autograd.gradcheck(call, (mixture, weight))


def test_initial_weights_are_drawn_from_xaviers_uniform_distribution_for_each_source() -> None:
    torch.manual_seed(0)
    network = Config(depth=2).build(STEREO)
    bounds = {
        "down.0": (6 / (15 * (2 + 24))) ** 0.5,
        "down.2": (6 / (15 * (48 + 72))) ** 0.5,
        "up.0": (6 / (5 * (48 + 72 + 48))) ** 0.5,
        "output": (6 / (26 + 2)) ** 0.5,
    }
    for name, bound in bounds.items():
        weight = network.get_parameter(f"{name}.weight")
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert not network.get_parameter(f"{name}.bias").any()


def test_one_source_needs_a_direct_output() -> None:
    audio = AudioFormat(22050, 1, ("vocals",))
    assert Config(depth=2, filters=2, output="direct").build(audio)(torch.randn(1, 1, 99)).any()
    with pytest.raises(ValueError, match="output: expected direct for a single source"):
        Config().build(audio)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"depth": 0}, "depth: expected at least 1, got 0"),
        ({"filters": -2}, "filters: expected at least 1, got -2"),
        ({"down_kernel": 14}, "down_kernel: expected an odd number of samples, got 14"),
        ({"up_kernel": 0}, "up_kernel: expected an odd number of samples, got 0"),
        ({"output": "mask"}, "output: expected difference or direct, got 'mask'"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**values)
