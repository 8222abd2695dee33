"""Conv-TasNet against torchaudio's and a plain forward pass in numpy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.models import ConvTasNet as TorchaudioConvTasNet

from gan_sep.audio import AudioFormat
from gan_sep.generators.conv_tasnet import Config, ConvTasNet
from gan_sep.generators.layers.temporal_blocks import TemporalBlock

STEREO = AudioFormat()
MONO = AudioFormat(16000, 1, ("music", "voice", "noise"))
SMALL = Config(filters=12, kernel=8, bottleneck=6, hidden=10, blocks=3, repeats=2)


def shaken(network: nn.Module) -> nn.Module:
    """The network with every weight, slope, scale and shift away from where it begins."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def test_the_parameter_count_is_the_published() -> None:
    with torch.device("meta"):
        network = Config().build(STEREO)
    block = 256 * 512 + 512 * 3 + 512 * 256 + 2 * (1 + 2 * 512)
    encoder = decoder = 2 * 256 * 20
    count = encoder + 2 * 256 + 256 * 256 + 40 * block + 256 * 4 * 256 + decoder
    assert sum(p.numel() for p in network.parameters()) == count
    assert count / 1e6 == pytest.approx(10.98, abs=0.005)


class _FrameNorm(nn.Module):
    """The music variant's first norm, written out: statistics of each frame alone."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = weight[:, None], bias[:, None]

    def forward(self, x: Tensor) -> Tensor:
        deviation = (x.var(1, correction=0, keepdim=True) + 1e-8).sqrt()
        return (x - x.mean(1, keepdim=True)) / deviation * self.weight + self.bias


class _Add(nn.Module):
    """Adds what the other module gave last."""

    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        other.register_forward_hook(lambda module, inputs, output: setattr(self, "last", output))

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.last, Tensor)
        return x + self.last


def torchaudio_twin(network: ConvTasNet) -> nn.Module:
    """torchaudio's mono network, turned into the music variant with the weights of `network`.

    Its skip paths get the weights of the residual paths, whose sum, with the bottleneck's output
    added, is what the music variant makes its masks from.
    """
    config = network.config
    twin = TorchaudioConvTasNet(
        network.num_sources,
        config.kernel,
        config.filters,
        config.block_kernel,
        config.bottleneck,
        config.hidden,
        config.blocks,
        config.repeats,
        config.mask,
    )
    for parameter in twin.parameters():
        nn.init.zeros_(parameter)
    generator = twin.mask_generator
    pairs: list[tuple[nn.Module, Any]]
    pairs = [(twin.encoder, network.encoder), (twin.decoder, network.decoder)]
    pairs += [(generator.input_conv, network.bottleneck), (generator.output_conv, network.masks)]
    for block, ours in zip(generator.conv_layers, network.blocks, strict=True):
        assert isinstance(ours, TemporalBlock)
        expand, first_prelu, first_norm, depthwise, second_prelu, second_norm = block.conv_layers
        pairs += [(expand, ours.expand), (depthwise, ours.depthwise), (block.skip_out, ours.reduce)]
        if block.res_out is not None:
            pairs.append((block.res_out, ours.reduce))
        for prelu, norm, fused in (
            (first_prelu, first_norm, ours.first),
            (second_prelu, second_norm, ours.second),
        ):
            prelu.weight.data.copy_(fused.slope)
            norm.weight.data.copy_(fused.scale)
            norm.bias.data.copy_(fused.shift)
    for copy, original in pairs:
        copy.get_parameter("weight").data.copy_(original.weight)
    twin.encoder = nn.Sequential(twin.encoder, nn.ReLU())
    generator.input_norm = _FrameNorm(*network.norm.norm.parameters())
    generator.output_prelu = _Add(generator.input_conv)
    return twin


@pytest.mark.parametrize("mask", ["relu", "sigmoid"])
@pytest.mark.parametrize("length", [1, 8, 203, 1000])
def test_mono_estimates_and_gradients_are_those_of_torchaudio(mask: Any, length: int) -> None:
    torch.manual_seed(0)
    config = Config(filters=12, kernel=8, bottleneck=6, hidden=10, blocks=3, repeats=2, mask=mask)
    network = shaken(config.build(MONO))
    assert isinstance(network, ConvTasNet)
    twin = torchaudio_twin(network)
    mixture = torch.randn(2, 1, length)
    ours, theirs = mixture.clone().requires_grad_(), mixture.clone().requires_grad_()
    estimates, expected = network(ours), twin(theirs)[:, :, None]
    torch.testing.assert_close(estimates, expected, rtol=1e-4, atol=1e-5)
    weights = torch.randn_like(estimates)
    for output in (estimates, expected):
        (output * weights).sum().backward()
    assert ours.grad is not None
    assert ours.grad.abs().sum() > 0
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-4)


def plain_forward(network: ConvTasNet, mixture: np.ndarray) -> np.ndarray:
    """The published network for one mixture (C, T), T whole hops, in numpy -> (S, C, T)."""
    w = {name: p.double().detach().numpy() for name, p in network.named_parameters()}
    config, hop = network.config, network.config.kernel // 2
    padded = np.pad(mixture, ((0, 0), (hop, hop)))
    starts = range(0, padded.shape[1] - config.kernel + 1, hop)
    columns = [np.tensordot(w["encoder.weight"], padded[:, s : s + 2 * hop], 2) for s in starts]
    frames = np.maximum(np.stack(columns, 1), 0)  # (filters, N)

    def norm(x: np.ndarray, scale: np.ndarray, shift: np.ndarray, axis: Any) -> np.ndarray:
        deviation = np.sqrt(x.var(axis, keepdims=True) + 1e-8)
        centred: np.ndarray = (x - x.mean(axis, keepdims=True)) / deviation
        return centred * scale[:, None] + shift[:, None]

    x = norm(frames, w["norm.norm.weight"], w["norm.norm.bias"], axis=0)
    x = w["bottleneck.weight"][..., 0] @ x
    for index in range(config.repeats * config.blocks):
        block = {name.split(".", 2)[2]: p for name, p in w.items() if f"blocks.{index}." in name}
        dilation = 2 ** (index % config.blocks)
        h = block["expand.weight"][..., 0] @ x
        h = np.where(h > 0, h, block["first.slope"] * h)
        h = norm(h, block["first.scale"], block["first.shift"], axis=None)
        silence = np.pad(h, ((0, 0), (dilation, dilation)))
        taps = [silence[:, tap * dilation :][:, : h.shape[1]] for tap in range(3)]
        h = sum(block["depthwise.weight"][:, 0, tap, None] * taps[tap] for tap in range(3))
        h = np.where(h > 0, h, block["second.slope"] * h)
        h = norm(h, block["second.scale"], block["second.shift"], axis=None)
        x = x + block["reduce.weight"][..., 0] @ h
    masks = np.maximum(w["masks.weight"][..., 0] @ x, 0).reshape(-1, *frames.shape)
    estimates = np.zeros((len(masks), *padded.shape))
    for n, start in enumerate(starts):
        for source, mask in enumerate(masks):
            frame = np.tensordot(mask[:, n] * frames[:, n], w["decoder.weight"], 1)  # (C, kernel)
            estimates[source, :, start : start + config.kernel] += frame
    return estimates[..., hop:-hop]


def test_stereo_estimates_are_those_of_a_plain_forward_pass() -> None:
    torch.manual_seed(0)
    network = shaken(SMALL.build(STEREO))
    assert isinstance(network, ConvTasNet)
    mixture = torch.randn(2, 2, 80)
    estimates = network(mixture)
    for item in range(2):
        expected = plain_forward(network, mixture[item].double().numpy())
        np.testing.assert_allclose(estimates[item].detach(), expected, rtol=1e-3, atol=1e-4)


def test_softmax_masks_share_out_the_mixture() -> None:
    torch.manual_seed(0)
    config = Config(filters=12, kernel=8, bottleneck=6, hidden=10, blocks=2, mask="softmax")
    network = config.build(STEREO)
    mixture = torch.randn(1, 2, 80)
    frames = F.relu(network.encoder(F.pad(mixture, (4, 4))))
    expected = network.decoder(frames)[..., 4:-4]
    torch.testing.assert_close(network(mixture).sum(1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mask", ["relu", "sigmoid", "softmax"])
def test_estimates_follow_the_level_of_the_mixture_and_silence_stays_silence(mask: Any) -> None:
    torch.manual_seed(0)
    network = shaken(Config(filters=12, kernel=8, hidden=10, blocks=2, mask=mask).build(STEREO))
    mixture = torch.randn(1, 2, 500)
    estimates = network(mixture)
    assert estimates.abs().max() > 0
    torch.testing.assert_close(network(1000 * mixture), 1000 * estimates, rtol=1e-3, atol=1e-1)
    assert not network(torch.zeros(1, 2, 500)).any()


def test_a_silent_mixture_beside_a_loud_one_leaves_all_gradients_finite() -> None:
    torch.manual_seed(0)
    network = Config.tiny().build(STEREO)
    mixture = torch.stack([torch.zeros(2, 900), torch.randn(2, 900), 1e-9 * torch.randn(2, 900)])
    (network(mixture) - torch.randn(3, 4, 2, 900)).abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_masks_look_as_far_as_the_dilations_reach() -> None:
    """Without the norms, which see the whole mixture: 4 x (1 + 2 + ... + 512) frames published."""
    torch.manual_seed(0)
    network = Config(bottleneck=2, hidden=2, blocks=4, repeats=3).build(MONO).double()
    reach = 3 * (1 + 2 + 4 + 8)
    for block in network.blocks:
        assert isinstance(block, TemporalBlock)
        block.first = block.second = nn.PReLU().double()  # type: ignore[assignment]
    frames = torch.randn(1, 2, 201, dtype=torch.float64, requires_grad=True)
    network.blocks(frames)[0, 0, 100].backward()
    assert frames.grad is not None
    seen = frames.grad[0].any(0).nonzero().flatten().tolist()
    assert seen == list(range(100 - reach, 101 + reach))


def test_initial_weights_are_drawn_from_xaviers_normal_distribution() -> None:
    torch.manual_seed(0)
    network = Config(blocks=2, repeats=1).build(STEREO)
    block = network.blocks[0]
    assert isinstance(block, TemporalBlock)
    for weight, fans in (
        (network.encoder.weight, (2 + 256) * 20),
        (network.bottleneck.weight, 256 + 256),
        (block.expand.weight, 256 + 512),
        (block.depthwise.weight, (1 + 512) * 3),
        (network.decoder.weight, (2 + 256) * 20),
    ):
        assert weight.std().item() == pytest.approx((2 / fans) ** 0.5, rel=0.12)
        assert abs(weight.mean().item()) < 0.2 * (2 / fans) ** 0.5
    for layer in (block.first, block.second):
        assert layer.slope.item() == 0.25
        assert (layer.scale == 1).all()
        assert not layer.shift.any()


def test_a_block_keeps_four_hidden_signals_for_its_gradient() -> None:
    """PyTorch's layers keep six: the outputs of both PReLUs more."""
    block = TemporalBlock(4, 16, kernel=3, dilation=2)
    kept: set[int] = set()

    def pack(tensor: Tensor) -> Tensor:
        if tensor.numel() == 2 * 16 * 500:
            kept.add(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = block(torch.randn(2, 4, 500, requires_grad=True))
    assert len(kept) == 4
    output.sum().backward()


def test_it_trains_under_bf16_autocast() -> None:
    torch.manual_seed(0)
    network = Config.tiny().build(STEREO)
    mixture = torch.randn(2, 2, 400)
    with torch.autocast("cpu", torch.bfloat16):
        estimates = network(mixture)
    torch.testing.assert_close(estimates.float(), network(mixture), rtol=0.2, atol=0.05)
    estimates.float().abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filters": 0}, "filters: expected at least 1, got 0"),
        ({"repeats": -1}, "repeats: expected at least 1, got -1"),
        ({"kernel": 21}, "kernel: expected an even number of samples, .* got 21"),
        ({"kernel": 0}, "kernel: expected an even number of samples, .* got 0"),
        ({"block_kernel": 4}, "block_kernel: expected an odd number of frames, got 4"),
        ({"mask": "tanh"}, "mask: expected relu, sigmoid or softmax, got 'tanh'"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**values)
