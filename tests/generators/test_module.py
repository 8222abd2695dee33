"""Networks of two packages, imported by their paths: trained, and separated with."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakeExperiment, of_arm
from demucs.hdemucs import HDemucs
from torch import nn

import gan_sep
from gan_sep.audio import AudioFormat
from gan_sep.config.loader import build
from gan_sep.generators.module import Config
from gan_sep.published.bags import read_model
from gan_sep.published.write import export
from gan_sep.runs import RunFolder
from gan_sep.training.loop import Run

ROFORMER = (
    "generator={name: module, path: 'bs_roformer:BSRoformer', output: b s c t, multiple: 16,"
    "shortest: 64, probe_seconds: 0.1, arguments: {dim: 8, depth: 1, num_stems: $num_sources,"
    "time_transformer_depth: 1, freq_transformer_depth: 1, freqs_per_bands: [3, 10, 20],"
    "dim_head: 4, heads: 2, stft_n_fft: 64, stft_hop_length: 16, stft_win_length: 64,"
    "mask_estimator_depth: 1, num_residual_streams: 1, dim_freqs_in: 33}}"
)
HYBRID = (
    "generator={name: module, path: 'demucs.hdemucs:HDemucs', probe_seconds: 0.1, arguments:"
    "{sources: $sources, audio_channels: $channels, channels: 8, nfft: 256, depth: 4}}"
)


# Beside the oldest einops the package cannot be installed.
missing = pytest.mark.skipif(find_spec("bs_roformer") is None, reason="needs bs-roformer")


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [pytest.param(ROFORMER, id="bs_roformer", marks=missing), pytest.param(HYBRID, id="demucs")],
)
@pytest.mark.parametrize("arm", ["plain", "gan"])
def test_a_network_of_a_package_is_trained_exported_and_separates(
    network: str, arm: str, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    config = of_arm(make_experiment(network, "training.steps=4"), arm)
    torch.manual_seed(config.seed)
    fresh = config.generator.build(config.audio).state_dict()
    Run(config, arm).train()
    folder = RunFolder.of(config, arm).folder
    with pytest.raises(ValueError, match="would be imported and called; say --trust-module"):
        gan_sep.load_separator(folder)
    separator = gan_sep.load_separator(folder, trust_module=True)
    weights = separator.network.state_dict()
    assert any(not torch.equal(weights[name], value) for name, value in fresh.items())
    mixture = torch.randn(1, 9001)
    found = separator.separate(mixture, config.audio.sample_rate)
    assert {name: each.shape for name, each in found.items()} == {
        "low": (1, 9001),
        "high": (1, 9001),
    }
    (file, _) = export(read_model(folder, trust_module=True), tmp_path / "out", "mine")
    with pytest.raises(ValueError, match=r"mine\.safetensors: its network is .*--trust-module"):
        gan_sep.load_separator(file)
    again = gan_sep.load_separator(file, trust_module=True).separate(mixture, 8000)
    assert all(torch.equal(again[name], found[name]) for name in found)


def test_the_network_is_the_class_itself_with_the_arguments() -> None:
    audio = AudioFormat(8000, 2, ("voice", "music"))
    arguments = {"sources": "$sources", "audio_channels": "$channels", "channels": 8, "nfft": 256,
                 "depth": 4}  # fmt: skip
    torch.manual_seed(0)
    network = Config("demucs.hdemucs:HDemucs", arguments).build(audio)
    torch.manual_seed(0)
    expected = HDemucs(["voice", "music"], 2, channels=8, nfft=256, depth=4)
    mixture = torch.randn(2, 2, 3000)
    with torch.no_grad():
        assert torch.equal(network(mixture), expected(mixture))
        assert network.training


class Shorter(nn.Module):
    """Loses a sample, or an item of the batch."""

    def __init__(self, sources: int, what: str) -> None:
        super().__init__()
        self.sources, self.what = sources, what

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, None].expand(-1, self.sources, -1, -1)
        return x[..., 1:] if self.what == "sample" else x[:1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "path: expected MODULE:CLASS, got nothing"),
        ({"path": "torch.nn.Linear"}, "path: expected MODULE:CLASS, got 'torch.nn.Linear'"),
        ({"path": "nowhere.at_all:Network"}, "nowhere.at_all:Network cannot be imported: No mod"),
        ({"path": "torch.nn:Nothing"}, "torch.nn:Nothing cannot be imported: module"),
        ({"path": "pathlib:Path"}, "expected a class of torch.nn.Module, got pathlib:Path"),
        ({"path": "torch.nn:Linear"}, "cannot be called with them: TypeError"),
        ({"path": "torch.nn:Identity"}, "RuntimeError|EinopsError|Wrong shape.*output right"),
        ({"path": "torch.nn:Identity", "output": "b x t"}, "output: expected the axes b, s, c"),
        ({"path": "torch.nn:Identity", "multiple": 0}, "multiple: expected at least 1, got 0"),
        ({"path": "torch.nn:Identity", "probe_seconds": 0}, "probe_seconds: expected more"),
        ({"path": f"{__name__}:Shorter", "arguments": {"sources": 2, "what": "sample"}},
         r"\(2, 2, 1, 8001\) of a mixture of shape \(2, 1, 8001\), got \(2, 2, 1, 8000\)"),
        ({"path": f"{__name__}:Shorter", "arguments": {"sources": 2, "what": "item"}},
         r"got \(1, 2, 1, 8001\)"),
    ],
)  # fmt: skip
def test_what_breaks_the_contract_is_one_line(
    values: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("sys").modules[__name__])
    with pytest.raises(ValueError, match=message) as raised:
        build(Config, values).build(AudioFormat(8000, 1, ("voice", "music")))
    assert "\n" not in str(raised.value)
