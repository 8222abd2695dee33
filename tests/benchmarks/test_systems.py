"""The systems are those of the configurations; their peers are networks of the same contract."""

from pathlib import Path

import pytest
import torch

from benchmarks import steps
from benchmarks.peers import PEERS, Peer, peer_of
from benchmarks.settings import (
    DEMUCS,
    GAN,
    HYBRIDS,
    LARGE_SYSTEMS,
    QUICK,
    QUICK_SYSTEMS,
    SMALL_DISCRIMINATOR,
    SYSTEMS,
    Setting,
)
from benchmarks.steps import against_peers, peer_step, plain_step
from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.generators import conv_tasnet, demucs, hdemucs, htdemucs, open_unmix
from gan_sep.studies.settings import load_study

CPU = torch.device("cpu")
CONFIGS = Path(__file__).parents[2] / "configs"
CONFIGURED = (
    "musdb18_7s/small",
    "musdb18_7s/conv_tasnet_small",
    "musdb18_7s/wave_unet_small",
    "musdb18_7s/open_unmix_small",
    "musdb18_7s/rnn_mask_small",
    "mir1k/vpnn",
)
CONV_TASNET, OPEN_UNMIX, RNN_MASK = (QUICK_SYSTEMS[index] for index in (1, 3, 4))


@pytest.mark.parametrize(("setting", "file"), list(zip(SYSTEMS, CONFIGURED, strict=True)), ids=str)
def test_a_system_is_that_of_its_configuration(setting: Setting, file: str) -> None:
    config = load(RunConfig, CONFIGS / f"{file}.yaml")
    assert setting.generator == config.generator
    assert setting.audio == config.audio
    assert setting.seconds == config.training.segment_seconds
    assert setting.batch_size == config.training.batch_size


def test_the_small_discriminator_is_that_of_the_configurations() -> None:
    assert load(RunConfig, CONFIGS / "musdb18_7s" / "small.yaml").discriminator == (
        SMALL_DISCRIMINATOR
    )


def test_every_setting_says_another_thing() -> None:
    for settings in (SYSTEMS + LARGE_SYSTEMS, DEMUCS, GAN):
        assert len(set(map(str, settings))) == len(settings)
    assert str(DEMUCS[1]) == "Demucs v2, 16 channels, depth 6, 44.1 kHz stereo, 4 x 3 s"


@pytest.mark.parametrize(
    "setting", [QUICK, CONV_TASNET, OPEN_UNMIX], ids=["demucs", "conv_tasnet", "open_unmix"]
)
def test_a_peers_step_learns_the_same_batch(setting: Setting) -> None:
    peer = peer_of(setting.generator)
    assert peer is not None
    if not peer.installed:
        pytest.skip(f"compares with another package: pip install {peer.requirement}")
    network = peer.build(setting.generator, setting.audio)
    sources = setting.sources(CPU)
    assert network(sources.sum(1)).shape == sources.shape
    step = peer_step(setting, CPU)
    assert step() > min(step() for _ in range(20))


@pytest.mark.parametrize("setting", [QUICK, OPEN_UNMIX], ids=["demucs", "open_unmix"])
def test_a_published_network_starts_from_the_same_loss(setting: Setting) -> None:
    peer = peer_of(setting.generator)
    assert peer is not None
    if not peer.installed:
        pytest.skip(f"compares with another package: pip install {peer.requirement}")
    losses = []
    for build in (plain_step, peer_step):
        torch.manual_seed(0)
        losses.append(build(setting, CPU)())
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


def test_the_peer_of_conv_tasnet_has_more_weights_by_its_skip_paths_and_biases() -> None:
    audio, config = CONV_TASNET.audio, CONV_TASNET.generator
    assert isinstance(config, conv_tasnet.Config)
    ours = sum(p.numel() for p in config.build(audio).parameters())
    theirs = sum(p.numel() for p in PEERS[conv_tasnet.Config].build(config, audio).parameters())
    S, B, H, N = len(audio.sources), config.bottleneck, config.hidden, config.filters
    blocks = config.blocks * config.repeats
    biases = blocks * (2 * H + B) + B + S * N  # in, over time and out of blocks, around them
    skips = blocks * (H * B + B) - (H * B + B)  # the last block has no residual path
    slope = 1
    assert theirs == ours + biases + skips + slope


def test_the_step_is_timed_alone_where_the_peer_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Peer, "installed", False)
    monkeypatch.setattr(steps, "peak_memory", lambda *_: 64.0)
    table = against_peers("Systems", (QUICK, OPEN_UNMIX, RNN_MASK), rounds=1, device=CPU)
    for row in table.rows:
        assert set(row) == {"setting", "gan_sep, M", "gan_sep, s", "gan_sep, MiB"}
    assert table.remark.endswith(
        "Not installed, so not compared: pip install demucs==2.0.3 openunmix==1.3.0"
    )


def test_a_system_stands_beside_its_peer_with_the_size_of_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "peak_memory", lambda build, _: 32 if "plain" in str(build) else 64)
    table = against_peers("Systems", (RNN_MASK, CONV_TASNET), rounds=1, device=CPU)
    alone, row = table.rows
    assert "peer" not in alone
    assert row["peer"] == "torchaudio"
    assert float(row["gan_sep, M"]) < float(row["peer, M"])
    assert float(row["time gan_sep / peer"]) > 0
    assert row["memory gan_sep / peer"] == 0.5
    assert "Not installed" not in table.remark


def test_what_has_no_peer_is_not_compared() -> None:
    assert peer_of(RNN_MASK.generator) is None
    with pytest.raises(ValueError, match="generator: no package to compare tiny RNN mask with"):
        peer_step(RNN_MASK, CPU)


def test_the_peers_are_those_that_a_package_offers() -> None:
    hybrids = {hdemucs.Config, htdemucs.Config}
    assert set(PEERS) == {demucs.Config, conv_tasnet.Config, open_unmix.Config, *hybrids}


@pytest.mark.parametrize("setting", HYBRIDS[:2], ids=str)
def test_a_hybrid_is_that_of_the_study_and_its_peer_has_the_same_weights(setting: Setting) -> None:
    arm = type(setting.generator).__module__.rpartition(".")[2]
    _, members = load_study(CONFIGS / "studies" / "musdb18_7s_hybrids.yaml")
    config = next(member.config for member in members if member.arm == arm)
    assert setting.generator == config.generator
    assert setting.seconds == config.training.segment_seconds
    assert setting.batch_size == config.training.batch_size
    peer = PEERS[type(setting.generator)].build(setting.generator, setting.audio)
    own = setting.generator.build(setting.audio).state_dict()
    assert {k: v.shape for k, v in peer.state_dict().items()} == {
        k: v.shape for k, v in own.items()
    }
