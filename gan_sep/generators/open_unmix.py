"""Open-Unmix: a bidirectional LSTM on the mixture's magnitude spectrogram, one network per source.

Source: Stöter, Uhlich, Liutkus, Mitsufuji, "Open-Unmix - A Reference Implementation for Music
Source Separation", 2019. Parameters are named as in the published state dicts and drawn in the same
order. Differences from the published recipe:

- all networks are trained together; published were networks trained apart
- losses compare the spectra of the estimated waveforms; published was the squared error of the
  magnitudes of which, with the mixture's phase, the waveforms are made
- inputs begin unscaled (`input_scale` of 1), since a network is built before it has met data;
  published were the statistics of the training set
- estimates are not refined by expectation maximisation: the published separator without iterations
"""

from dataclasses import dataclass, field
from typing import Any, Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.ranges import at_least, below_one, positive
from gan_sep.spectra import Stft

# What published state dicts hold beside weights; the last is the first release's name.
_NOT_WEIGHTS = ("sample_rate", "stft.window", "istft.window", "transform.0.window")


@dataclass(frozen=True)
class Config:
    """The network as published."""

    stft: Stft = field(default_factory=lambda: Stft(4096, 1024))  # window and hop
    bandwidth: float = 16000.0  # Hz up to which the mixture is read; estimates reach to the end
    hidden: int = 512  # width of the layers; half of it for each direction of the LSTM
    layers: int = 3  # of the LSTM
    dropout: float = 0.4  # between LSTM layers in training; drawn from torch's global random state

    def __post_init__(self) -> None:
        positive(self, "bandwidth")
        if self.hidden < 2 or self.hidden % 2:
            raise ValueError(
                f"hidden: expected an even number, half for each direction, got {self.hidden}"
            )
        at_least(1, self, "layers")
        below_one(self, "dropout")

    def input_bins(self, sample_rate: int) -> int:
        """How many frequency bins, from 0 Hz on, lie within the bandwidth."""
        return min(int(self.bandwidth * self.stft.n_fft / sample_rate) + 1, self.stft.bins)

    def build(self, audio: AudioFormat) -> "OpenUnmix":
        """The networks with fresh weights, drawn from torch's global random state.

        Raises ValueError where a source's name cannot name its network.
        """
        return OpenUnmix(self, audio)

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test, in any audio format."""
        return cls(stft=Stft(128, 32), hidden=8, layers=2)


class OpenUnmix(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    Each source's network gives non-negative gains for the mixture's spectrum, which keeps its
    phase; the estimates need not add up to the mixture. The spectrum is the published one: frames
    centred on multiples of the hop, the signal mirrored at both ends. A published separator's state
    dict loads strictly; so does a published source's, into `target_models.get_submodule(source)`.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        # Not a ModuleDict: that refuses a source named `keys`.
        self.target_models = nn.Module()
        for source in audio.sources:
            network = TargetModel(config, audio.channels, config.input_bins(audio.sample_rate))
            _add_source(self.target_models, source, network)
        self.register_load_state_dict_pre_hook(_leave_out_what_is_no_weight)

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        length = mixture.shape[-1]
        signal = F.pad(mixture, (0, self.padded_length(length) - length))
        spectrum = self._stft(signal)  # (B, C, F, N)
        magnitude = spectrum.abs()
        gains = [target(magnitude) for target in self.target_models.children()]
        estimates = torch.stack(gains, dim=1) * spectrum[:, None]  # (B, S, C, F, N)
        return self._istft(estimates, signal.shape[-1])[..., :length]  # (B, S, C, T)

    def padded_length(self, length: int) -> int:
        """`length` and the silence that a mixture of so many samples needs at its end.

        Mirroring needs more than half a window. Hops of more than a quarter of the window need to
        be whole: the last samples would lie where the last window is almost zero.
        """
        length = max(length, self.config.stft.bins)
        sparse = self.config.stft.hop > self.config.stft.n_fft // 4
        return length + (-length % self.config.stft.hop if sparse else 0)

    def _stft(self, signal: Tensor) -> Tensor:
        """(B, C, T) -> complex (B, C, F, N) with N = 1 + T // hop."""
        spectrum = torch.stft(
            signal.flatten(0, 1),
            self.config.stft.n_fft,
            self.config.stft.hop,
            window=self._window(signal),
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum.unflatten(0, signal.shape[:2])

    def _istft(self, spectrum: Tensor, length: int) -> Tensor:
        """(B, S, C, F, N) -> (B, S, C, length)."""
        signal = torch.istft(
            spectrum.flatten(0, 2),
            self.config.stft.n_fft,
            self.config.stft.hop,
            window=self._window(spectrum.real),
            length=length,
        )
        return signal.unflatten(0, spectrum.shape[:3])

    def _window(self, like: Tensor) -> Tensor:
        return torch.hann_window(self.config.stft.n_fft, dtype=like.dtype, device=like.device)


class TargetModel(nn.Module):
    """One source's network: magnitudes of the mixture (B, C, F, N) -> gains (B, C, F, N).

    Gains are at least 0 and may exceed 1. The batch normalisation that follows `fc1` undoes any
    shift of the inputs in training: `input_mean` exists for published weights, and stays as drawn.
    """

    def __init__(self, config: Config, channels: int, input_bins: int) -> None:
        super().__init__()
        bins, hidden = config.stft.bins, config.hidden
        self.fc1 = nn.Linear(channels * input_bins, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(
            hidden,
            hidden // 2,
            config.layers,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, channels * bins, bias=False)
        self.bn3 = nn.BatchNorm1d(channels * bins)
        # Added and multiplied: the published names for minus a mean and one over a deviation.
        self.input_mean = nn.Parameter(torch.zeros(input_bins))
        self.input_scale = nn.Parameter(torch.ones(input_bins))
        self.output_scale = nn.Parameter(torch.ones(bins))
        self.output_mean = nn.Parameter(torch.ones(bins))
        self.register_load_state_dict_pre_hook(_leave_out_what_is_no_weight)

    def forward(self, magnitude: Tensor) -> Tensor:
        """magnitude: (B, C, F, N) -> gains (B, C, F, N)."""
        B, C, _, N = magnitude.shape
        x = rearrange(magnitude, "b c f n -> n b c f")[..., : len(self.input_mean)]
        x = (x + self.input_mean) * self.input_scale
        x = rearrange(x, "n b c f -> (n b) (c f)")
        x = torch.tanh(self.bn1(self.fc1(x)))  # (N * B, hidden)
        recurrent, _ = self.lstm(x.unflatten(0, (N, B)))  # (N, B, hidden)
        x = torch.cat([x, recurrent.flatten(0, 1)], dim=-1)  # (N * B, 2 * hidden)
        x = F.relu(self.bn2(self.fc2(x)))  # (N * B, hidden)
        x = self.bn3(self.fc3(x))  # (N * B, C * F)
        x = rearrange(x, "(n b) (c f) -> n b c f", n=N, c=C)
        gains = F.relu(x * self.output_scale + self.output_mean)
        return rearrange(gains, "n b c f -> b c f n")


def _add_source(networks: nn.Module, source: str, network: nn.Module) -> None:
    try:
        networks.add_module(source, network)
    except KeyError as error:
        raise ValueError(
            f"audio.sources: expected names of which torch makes names of weights, got {source!r} "
            f"({error.args[0]}); rename the source"
        ) from error


def _leave_out_what_is_no_weight(
    network: nn.Module, state: dict[str, Any], prefix: str, *_: Any
) -> None:
    """Drop from a published state dict what this code holds elsewhere or computes."""
    for name in _NOT_WEIGHTS:
        state.pop(prefix + name, None)
