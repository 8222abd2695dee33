"""DCGAN-like discriminators of log-mel spectrograms, all sources at once.

Each discriminator is the discriminator of Radford, Metz and Chintala (Unsupervised representation
learning with deep convolutional GANs, 2016): strided 4 x 4 convolutions whose width doubles,
LeakyReLU of slope 0.2, weights drawn from N(0, 0.02). Two things differ.

Layer normalisation in place of batch normalisation. Each discriminator normalises each segment by
itself (group normalisation with one group per source), for three reasons: a discriminator of one
source must not see the others; with batches of a few segments the statistics of a batch are noise;
and a score that depends on the rest of the batch would change with the number of processes.

No sigmoid: the scores are trained by least squares. The last convolution spans all frequencies that
are left, so a segment gets one logit per stretch of time, each of the whole spectrum.

At the default a mono discriminator has 174513 parameters; a logit gets 78 frames, 5.1 s of 16 kHz
or 1.8 s of 44.1 kHz, and through the norms something of the whole segment. On a CPU the four
discriminators add nearly half of a plain step to one of a small Demucs (16 channels, 16 kHz mono).
"""

import warnings
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.dcgan import halvings, initialise
from gan_sep.discriminators.layers.inputs import discriminator_input, input_channels
from gan_sep.spectra import Stft, decibels, power_spectrogram

FLOOR_DB = -80.0
SILENCE = -1.0  # what the floor becomes in the input range of a discriminator


@dataclass(frozen=True, kw_only=True)
class Config(DiscriminatorOptions):
    """Sizes of one discriminator; every source has the same."""

    n_fft: int = 2048  # in samples
    hop: int = 1024  # in samples; the cost falls with it
    mel_bands: int = 64  # the height of the input; the cost rises with it and with channels
    channels: int = 16  # the width of the first layer, for each source; doubled in each further one
    layers: int = 4  # each of which halves height and width

    def __post_init__(self) -> None:
        super().__post_init__()
        Stft(self.n_fft, self.hop)  # raises of either
        if self.mel_bands < 1 or self.mel_bands % 2**self.layers:
            raise ValueError(
                f"mel_bands: expected a multiple of 2^layers = {2**self.layers}, "
                f"got {self.mel_bands}"
            )

    def build(self, audio: AudioFormat) -> nn.Module:
        return SpectrogramDiscriminator(self, audio)

    @property
    def window(self) -> int:
        """The samples of its FFT."""
        return self.n_fft

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_fft=256, hop=128, mel_bands=8, channels=4, layers=2)


class SpectrogramDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, N'), any T >=
    1.

    N' counts stretches of 2^layers hops. The discriminators lie side by side on the channel axis;
    grouped convolutions keep them apart.
    """

    mel: Tensor

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        S = len(audio.sources)
        widths = [config.channels * 2**layer for layer in range(config.layers)]
        self.config = config
        self.register_buffer("mel", _mel_filters(config, audio), persistent=False)  # (M, F)
        first = input_channels(config, audio)
        self.layers = halvings(S, [first, *widths], config.spectral_norm)
        height = config.mel_bands // 2**config.layers
        self.verdict = nn.Conv2d(S * widths[-1], S, (height, 3), padding=(0, 1), groups=S)
        initialise(self, S, config.spectral_norm)

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        S = sources.shape[1]
        signals = discriminator_input(sources, mixture, self.config)
        x = signals.side_by_side(self.spectrogram)  # (B, S*C, M, N)
        features = []
        for layer in self.layers:
            x = layer(x)  # (B, S*width, M/2^i, N/2^i)
            features.append(rearrange(x, "b (s width) m n -> b s width m n", s=S))
        logits = self.verdict(x)  # (B, S, 1, N')
        return DiscriminatorOutput(logits.squeeze(2), features)

    def spectrogram(self, signals: Tensor) -> Tensor:
        """Signals (B, C, T) -> log-mel spectrograms (B, C, M, N).

        -1 on silence, about 1 at full scale. N is a multiple of 2^layers, so that no stride leaves
        a frame out; the padding is silence.
        """
        # In full precision whatever the rest runs in: bfloat16 has too few bits for powers.
        with torch.autocast(signals.device.type, enabled=False):
            n_fft, hop = self.config.n_fft, self.config.hop
            power = power_spectrogram(signals.float(), n_fft, hop)  # (B, C, F, N)
            # Frames first, as they lie in memory: one product, and no copy of the power.
            bands = (power.transpose(-1, -2) @ self.mel.T).transpose(-1, -2)  # (B, C, M, N)
            level = 1 - 2 * decibels(bands, FLOOR_DB) / FLOOR_DB
        return F.pad(level, (0, -level.shape[-1] % 2**self.config.layers), value=SILENCE)


def _mel_filters(config: Config, audio: AudioFormat) -> Tensor:
    """Triangular filters (M, F) with peaks of about 1, from 0 Hz to half the sample rate."""
    with warnings.catch_warnings(), torch.device("cpu"):
        warnings.simplefilter("ignore")  # torchaudio warns where the check below raises
        filters = melscale_fbanks(
            config.n_fft // 2 + 1, 0.0, audio.sample_rate / 2, config.mel_bands, audio.sample_rate
        )  # (F, M)
    empty = int((filters.amax(0) == 0).sum())
    if empty:
        raise ValueError(
            f"mel_bands: {empty} of {config.mel_bands} bands hold no frequency of an FFT of "
            f"{config.n_fft} samples at {audio.sample_rate} Hz; lower mel_bands or raise n_fft"
        )
    return filters.T.contiguous()
