"""Open-Unmix against an independent forward pass and, where it is installed, the published code."""

import importlib
import importlib.util
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.generators.open_unmix import Config, OpenUnmix
from gan_sep.spectra import Stft

STEREO = AudioFormat()
MONO = AudioFormat(16000, 1, ("music", "voice"))
NAMES = ("weight", "bias", "running_mean", "running_var")


def trained(network: OpenUnmix) -> OpenUnmix:
    """The network in evaluation mode, with every weight and statistic away from where it begins."""
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and "fc" not in name and "lstm" not in name:
            value.add_(0.3 * torch.randn_like(value))
    return network.eval()


def test_each_source_has_the_published_number_of_weights() -> None:
    with torch.device("meta"):
        network = Config().build(STEREO)
    fc1, fc2, fc3 = 2 * 1487 * 512, 1024 * 512, 512 * 2 * 2049
    lstm = 3 * 2 * (4 * 256 * (512 + 256) + 2 * 4 * 256)
    norms = 2 * (512 + 512 + 2 * 2049)
    scales = 2 * 1487 + 2 * 2049
    weights = fc1 + fc2 + fc3 + lstm + norms + scales  # 8.89 million
    assert [
        sum(p.numel() for p in target.parameters()) for target in network.target_models.children()
    ] == [weights] * 4


def published_names(layers: int) -> set[str]:
    """The keys of a published source's state dict."""
    names = {f"{kind}put_{what}" for kind in ("in", "out") for what in ("mean", "scale")}
    names |= {f"fc{i}.weight" for i in (1, 2, 3)}
    names |= {f"bn{i}.{n}" for i in (1, 2, 3) for n in (*NAMES, "num_batches_tracked")}
    for layer in range(layers):
        for direction in ("", "_reverse"):
            for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                names.add(f"lstm.{p}_l{layer}{direction}")
    return names


def test_state_dict_has_the_published_names() -> None:
    with torch.device("meta"):
        state = Config().build(STEREO).state_dict()
    expected = {f"target_models.{s}.{n}" for s in STEREO.sources for n in published_names(3)}
    assert set(state) == expected


def test_published_state_dicts_load_strictly() -> None:
    network = Config.tiny().build(MONO)
    separator = network.state_dict() | {
        "sample_rate": torch.tensor(44100.0),
        "stft.window": torch.ones(128),
        "istft.window": torch.ones(128),
    }
    network.load_state_dict(separator, strict=True)
    target = network.target_models.get_submodule("voice")
    first_release = target.state_dict() | {
        "sample_rate": torch.tensor(44100),
        "stft.window": torch.ones(128),
        "transform.0.window": torch.ones(128),
    }
    target.load_state_dict(first_release, strict=True)


def test_the_bandwidth_counts_bins_from_zero_up_to_it() -> None:
    assert Config().input_bins(44100) == 1487
    assert Config().input_bins(16000) == 2049
    assert Config(bandwidth=4000).input_bins(16000) == 1025  # bin 1024 is 4000 Hz
    assert Config(bandwidth=3999).input_bins(16000) == 1024


def independent_gains(weights: dict[str, Any], magnitude: Any) -> Any:
    """One source's gains (C, F, N) for one item in evaluation mode, in numpy."""
    C, F, N = magnitude.shape
    norm = {i: [weights[f"bn{i}.{name}"] for name in NAMES] for i in (1, 2, 3)}

    def normalized(x: Any, layer: int) -> Any:
        weight, bias, mean, variance = norm[layer]
        return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def lstm(x: Any, suffix: str) -> Any:
        """(N, inputs) -> (N, width), in the order of x."""
        w, u, b, c = (weights[f"lstm.{n}_{suffix}"] for n in
                      ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))  # fmt: skip
        h = cell = np.zeros(u.shape[1])
        outputs = []
        for frame in x:
            i, f, g, o = np.split(w @ frame + u @ h + b + c, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(cell)
            outputs.append(h)
        return np.stack(outputs)

    bins = len(weights["input_mean"])
    x = (magnitude[:, :bins] + weights["input_mean"][:, None]) * weights["input_scale"][:, None]
    x = np.tanh(normalized(x.transpose(2, 0, 1).reshape(N, C * bins) @ weights["fc1.weight"].T, 1))
    recurrent = x
    for layer in range(2):
        forwards = lstm(recurrent, f"l{layer}")
        backwards = lstm(recurrent[::-1], f"l{layer}_reverse")[::-1]
        recurrent = np.concatenate([forwards, backwards], axis=1)
    x = np.concatenate([x, recurrent], axis=1) @ weights["fc2.weight"].T
    x = normalized(np.maximum(normalized(x, 2), 0) @ weights["fc3.weight"].T, 3)
    x = x.reshape(N, C, F) * weights["output_scale"] + weights["output_mean"]
    return np.maximum(x, 0).transpose(1, 2, 0)


@pytest.mark.parametrize("audio", [MONO, STEREO], ids=["mono", "stereo"])
def test_gains_are_those_of_an_independent_forward_pass(audio: AudioFormat) -> None:
    torch.manual_seed(0)
    network = trained(Config(stft=Stft(64, 16), bandwidth=6000, hidden=6, layers=2).build(audio))
    magnitude = 3 * torch.rand(2, audio.channels, 33, 7)
    for target in network.target_models.children():
        weights = {name: value.double().numpy() for name, value in target.state_dict().items()}
        gains = target(magnitude).detach().numpy()
        assert (gains > 0).any()
        for item in range(2):
            expected = independent_gains(weights, magnitude[item].double().numpy())
            np.testing.assert_allclose(gains[item], expected, atol=1e-5)


@pytest.mark.parametrize("hop", [32, 27, 64, 50])
@pytest.mark.parametrize("length", [1, 64, 100, 1000, 1023])
def test_gains_of_one_return_the_mixture_to_its_last_sample(hop: int, length: int) -> None:
    network = Config(stft=Stft(128, hop), hidden=4, layers=1).build(STEREO)
    for target in network.target_models.children():
        torch.nn.init.zeros_(target.get_parameter("output_scale"))
    mixture = torch.randn(2, 2, length)
    expected = mixture[:, None].expand(2, 4, 2, length)
    torch.testing.assert_close(network(mixture), expected, atol=1e-5, rtol=1e-5)


def test_the_mixture_is_looked_at_within_the_bandwidth_only() -> None:
    network = Config(stft=Stft(64, 16), bandwidth=4000, hidden=4, layers=1).build(MONO).eval()
    magnitude = torch.rand(1, 1, 33, 5)
    above, within = magnitude.clone(), magnitude.clone()
    above[:, :, 17:] += 1  # 4250 Hz and more
    within[:, :, 16] += 1  # 4000 Hz
    target = network.target_models.get_submodule("voice")
    assert torch.equal(target(above), target(magnitude))
    assert not torch.equal(target(within), target(magnitude))


def test_in_training_the_input_mean_is_undone_by_the_normalization_after_it() -> None:
    network = Config(stft=Stft(64, 16), hidden=4, layers=1).build(MONO)
    mixture = torch.randn(2, 1, 600)
    before = network(mixture)
    for target in network.target_models.children():
        torch.nn.init.uniform_(target.get_parameter("input_mean"))
    torch.testing.assert_close(network(mixture), before, atol=1e-4, rtol=1e-4)


def test_sources_have_networks_of_their_own() -> None:
    network = Config.tiny().build(MONO).eval()
    mixture = torch.randn(1, 1, 500)
    before = network(mixture)
    torch.nn.init.zeros_(network.get_parameter("target_models.voice.output_scale"))
    after = network(mixture)
    assert torch.equal(after[:, 0], before[:, 0])
    assert not torch.equal(after[:, 1], before[:, 1])


@pytest.mark.parametrize("length", [1, 300])
def test_silence_is_separated_into_silence_with_finite_gradients(length: int) -> None:
    network = Config.tiny().build(STEREO)
    estimates = network(torch.zeros(1, 2, length))
    assert torch.equal(estimates, torch.zeros(1, 4, 2, length))
    estimates.abs().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_half_precision_returns_single_precision() -> None:
    network = Config.tiny().build(STEREO).eval()
    mixture = torch.randn(1, 2, 500)
    expected = network(mixture)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimates = network(mixture)
    assert estimates.dtype == torch.float32
    torch.testing.assert_close(estimates, expected, atol=0.1, rtol=0.1)


def test_a_source_may_be_named_keys() -> None:
    network = Config.tiny().build(AudioFormat(8000, 1, ("keys", "items")))
    assert network(torch.randn(1, 1, 100)).shape == (1, 2, 1, 100)


@pytest.mark.parametrize("source", ["lead.vocals", "train"])
def test_a_source_whose_name_torch_refuses_is_named(source: str) -> None:
    with pytest.raises(ValueError, match=f"^audio.sources: .*got '{source}' .*rename the source"):
        Config.tiny().build(AudioFormat(8000, 1, ("drums", source)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bandwidth", 0.0),
        ("hidden", 0),
        ("hidden", 7),
        ("layers", 0),
        ("dropout", -0.1),
        ("dropout", 1.0),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: expected"):
        Config(**{field: value})


def published_separator(config: Config, audio: AudioFormat) -> Any:
    """The published code with the same settings: one pass of masks, no refinement, no residual."""
    published = importlib.import_module("openunmix.model")
    bins = config.stft.bins
    targets = {
        source: published.OpenUnmix(
            bins,
            audio.channels,
            config.hidden,
            config.layers,
            max_bin=config.input_bins(audio.sample_rate),
        )
        for source in audio.sources
    }
    return published.Separator(
        targets,
        niter=0,
        residual=False,
        sample_rate=audio.sample_rate,
        n_fft=config.stft.n_fft,
        n_hop=config.stft.hop,
        nb_channels=audio.channels,
    )


@pytest.mark.skipif(
    importlib.util.find_spec("openunmix") is None,
    reason="compares with the published code: pip install openunmix==1.3.0",
)
@pytest.mark.parametrize("audio", [MONO, STEREO], ids=["mono", "stereo"])
@pytest.mark.parametrize("length", [40960, 40001])
def test_weights_and_output_are_those_of_the_published_code(
    audio: AudioFormat, length: int
) -> None:
    config = Config(hidden=32)
    torch.manual_seed(7)
    published = published_separator(config, audio)
    torch.manual_seed(7)
    network = config.build(audio)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, published.state_dict()[name]), name
    published.load_state_dict(trained(network).state_dict(), strict=False)
    published.eval()
    network.load_state_dict(published.state_dict(), strict=True)
    mixture = 0.3 * torch.randn(2, audio.channels, length)
    torch.testing.assert_close(network(mixture), published(mixture), atol=1e-5, rtol=0)

    magnitude = published.complexnorm(published.stft(mixture))
    for source in audio.sources:
        gains: Tensor = network.target_models.get_submodule(source)(magnitude)
        expected = published.target_models[source](magnitude.clone())
        torch.testing.assert_close(gains * magnitude, expected, atol=1e-4, rtol=1e-5)
