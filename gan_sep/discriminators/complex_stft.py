"""A panel of judges of complex spectrograms at several resolutions.

The multi-scale STFT discriminator of Défossez, Copet, Synnaeve and Adi, "High Fidelity Neural Audio
Compression" (EnCodec), 2022: one chain of convolutions per window length, on real and imaginary
parts. Several resolutions are those of Jang et al., "UnivNet: A Neural Vocoder with
Multi-Resolution Spectrogram Discriminators for High-Fidelity Waveform Generation", 2021, which
judges magnitudes; with the phases, a judge can hear what smears an attack and what turns a polarity
around.

Published are five windows of 128 to 2048 samples at 24 kHz, four hops each, 32 channels, and all
frames kept while dilations widen the view. Here there are two windows, two hops each, few channels,
and layers that halve the frames as well.

At the default a mono judge has 3332 parameters; a logit hears 15 frames, eight times the window:
0.13 and 0.51 s of 16 kHz, and 63 bins. On a CPU the four judges add 1.1 plain steps to one of a
small Demucs (16 channels, 16 kHz mono), half of it for each window.
"""

from dataclasses import dataclass
from functools import partial
from typing import Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import Judgement
from gan_sep.discriminators.layers.complex_spectra import (
    VERDICT,
    check_resolutions,
    complex_spectrogram,
    spectral_layers,
)
from gan_sep.discriminators.layers.convolutions import Judges, check_sizes, joined
from gan_sep.discriminators.layers.inputs import View, check_view, heard, heard_channels


@dataclass(frozen=True)
class Config:
    """Sizes of one judge; every source has the same.

    n_ffts, the windows in samples, and hops_per_window, by how many hops each is covered; channels,
    the width of the first layer, doubled in each of the following; layers, the first of which keeps
    an eighth of the bins, each further one half of the frames and bins; view: of the channels;
    conditioned: whether each judge hears the mixture beside its source;
    spectral_norm: in place of weight normalisation.
    """

    n_ffts: tuple[int, ...] = (256, 1024)
    hops_per_window: int = 2
    channels: int = 4
    layers: int = 3
    view: View = "channels"
    conditioned: bool = False
    spectral_norm: bool = False

    def __post_init__(self) -> None:
        check_resolutions(self.n_ffts, self.hops_per_window)
        check_sizes(channels=self.channels, layers=self.layers)
        check_view(self.view)

    def build(self, audio: AudioFormat) -> nn.Module:
        """The panel of one judge per source, with fresh weights.

        Raises ValueError where mid and side are asked of mono.
        """
        return ComplexSTFTPanel(self, audio)

    @property
    def window(self) -> int:
        """The samples of its longest FFT."""
        return max(self.n_ffts)

    @classmethod
    def tiny(cls) -> Self:
        """Small enough for a test, in any audio format."""
        return cls(n_ffts=(64, 128), channels=2, layers=2)


class ComplexSTFTPanel(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> Judgement: logits (B, S, n), window by window.

    Any T >= 1 will do.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        layers = spectral_layers(config.channels, config.layers)
        channels = 2 * heard_channels(config, audio)  # real and imaginary parts
        self.resolutions = nn.ModuleList(
            Judges(len(audio.sources), channels, layers, VERDICT, config.spectral_norm)
            for _ in config.n_ffts
        )

    def forward(self, sources: Tensor, mixture: Tensor) -> Judgement:
        signals = heard(sources, mixture, self.config)
        judgements = []
        for judge, n_fft in zip(self.resolutions, self.config.n_ffts, strict=True):
            hop = n_fft // self.config.hops_per_window
            transform = partial(complex_spectrogram, n_fft=n_fft, hop=hop)
            judgements.append(judge(signals.side_by_side(transform)))
        return joined(judgements)
