"""The packages that this one is timed against, as networks of its own contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.models import ConvTasNet

from gan_sep.audio import AudioFormat
from gan_sep.generators import conv_tasnet, demucs, hdemucs, htdemucs, open_unmix
from gan_sep.generators.base import GeneratorConfig
from gan_sep.generators.layers.hybrid import HybridConfig
from gan_sep.published.options import class_of


@dataclass(frozen=True)
class Peer:
    """A package's network of the size of a generator.

    requirement: what pip installs. build: the generator's configuration and the audio format -> a
    network with fresh weights, mixture (B, C, T) -> estimates (B, S, C, T).
    """

    module: str
    requirement: str
    build: Callable[[Any, AudioFormat], nn.Module]

    @property
    def installed(self) -> bool:
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # the package of a module in it
            return False


def peer_of(generator: GeneratorConfig) -> Peer | None:
    """What this generator is timed against, installed or not; None where nobody offers it."""
    return PEERS.get(type(generator))


class PublishedDemucs(nn.Module):
    """The package demucs, which wants mixtures padded to a valid length."""

    def __init__(self, config: demucs.Config, audio: AudioFormat) -> None:
        from demucs.model import Demucs

        super().__init__()
        self.network = Demucs(
            list(audio.sources),
            audio.channels,
            config.channels,
            config.depth,
            lstm_layers=config.lstm_layers,
            resample=config.resample,
            normalize=config.normalize,
        )

    def forward(self, mixture: Tensor) -> Tensor:
        length = mixture.shape[-1]
        surplus = self.network.valid_length(length) - length
        padded = F.pad(mixture, (surplus // 2, surplus - surplus // 2))  # (B, C, T')
        estimates: Tensor = self.network(padded)  # (B, S, C, T'')
        start = (estimates.shape[-1] - length) // 2
        return estimates[..., start : start + length]


class TorchaudioConvTasNet(nn.Module):
    """Mono, of the same filters and blocks; its blocks have skip paths and biases more."""

    def __init__(self, config: conv_tasnet.Config, audio: AudioFormat) -> None:
        super().__init__()
        self.network = ConvTasNet(
            num_sources=len(audio.sources),
            enc_kernel_size=config.kernel,
            enc_num_feats=config.filters,
            msk_kernel_size=config.block_kernel,
            msk_num_feats=config.bottleneck,
            msk_num_hidden_feats=config.hidden,
            msk_num_layers=config.blocks,
            msk_num_stacks=config.repeats,
            msk_activate=config.mask,
        )

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.network(mixture)  # (B, S, T)
        return estimates.unsqueeze(2)


def published_open_unmix(config: open_unmix.Config, audio: AudioFormat) -> nn.Module:
    """The package openunmix's separator of all sources, without refinement of its estimates."""
    from openunmix.model import OpenUnmix, Separator

    targets = {
        source: OpenUnmix(
            nb_bins=config.stft.bins,
            nb_channels=audio.channels,
            hidden_size=config.hidden,
            nb_layers=config.layers,
            max_bin=config.input_bins(audio.sample_rate),
        )
        for source in audio.sources
    }
    separator: nn.Module = Separator(
        targets,
        niter=0,
        sample_rate=audio.sample_rate,
        n_fft=config.stft.n_fft,
        n_hop=config.stft.hop,
        nb_channels=audio.channels,
    )
    return separator


def published_hybrid(config: HybridConfig, audio: AudioFormat) -> nn.Module:
    """The package demucs' Hybrid Demucs or HT Demucs with the same options."""
    named = class_of(config, audio)
    assert named is not None
    module, _, name = named[0].rpartition(".")
    network: nn.Module = getattr(import_module(module), name)(**named[1])
    return network


def package_network(config: GeneratorConfig, audio: AudioFormat) -> nn.Module:
    """The package demucs 4.1.0's network; its time-domain class as version 2."""
    if isinstance(config, HybridConfig):
        return published_hybrid(config, audio)
    from demucs.demucs import Demucs

    assert isinstance(config, demucs.Config)
    network: nn.Module = Demucs(
        list(audio.sources), audio.channels, config.channels, depth=config.depth, gelu=False,
        lstm_layers=config.lstm_layers, norm_starts=config.depth, dconv_mode=0,
        resample=config.resample, samplerate=audio.sample_rate,
    )  # fmt: skip
    return network


PEERS: Mapping[type, Peer] = {
    demucs.Config: Peer("demucs.model", "demucs==2.0.3", PublishedDemucs),
    conv_tasnet.Config: Peer("torchaudio", "torchaudio", TorchaudioConvTasNet),
    open_unmix.Config: Peer("openunmix", "openunmix==1.3.0", published_open_unmix),
    hdemucs.Config: Peer("demucs.hdemucs", "demucs==4.1.0", published_hybrid),
    htdemucs.Config: Peer("demucs.htdemucs", "demucs==4.1.0", published_hybrid),
}
