"""Several chains of convolutions on complex spectrograms, one for each resolution.

The multi-scale STFT discriminator of Défossez, Copet, Synnaeve and Adi, "High Fidelity Neural Audio
Compression" (EnCodec), 2022: a chain for each window length, on real and imaginary parts. Several
resolutions come from Jang et al., "UnivNet: A Neural Vocoder with Multi-Resolution Spectrogram
Discriminators for High-Fidelity Waveform Generation", 2021, which reads magnitudes; with the phases
a discriminator can also tell a smeared attack and a turned polarity.

Published are five windows of 128 to 2048 samples at 24 kHz, four hops each, 32 channels, and all
frames kept while dilations widen what a logit sees. Here there are two windows, two hops each, few
channels, and layers that halve the frames as well.

At the default a mono discriminator has 3332 parameters; a logit gets 15 frames, eight times the
window: 0.13 and 0.51 s of 16 kHz, and 63 bins. On a CPU the four discriminators add 1.1 plain steps
to one of a small Demucs (16 channels, 16 kHz mono), half of it for each window.
"""

from dataclasses import dataclass
from functools import partial
from typing import Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import DiscriminatorOptions, DiscriminatorOutput
from gan_sep.discriminators.layers.complex_spectra import (
    VERDICT,
    check_resolutions,
    complex_spectrogram,
    spectral_layers,
)
from gan_sep.discriminators.layers.convolutions import joined, source_chains
from gan_sep.discriminators.layers.inputs import discriminator_input


@dataclass(frozen=True, kw_only=True)
class Config(DiscriminatorOptions):
    """Sizes of one discriminator; every source has the same."""

    n_ffts: tuple[int, ...] = (256, 1024)  # windows, in samples
    hops_per_window: int = 2  # by how many hops each window is covered
    layers: int = 3  # the first keeps an eighth of the bins, others half of frames and bins

    def __post_init__(self) -> None:
        super().__post_init__()
        check_resolutions(self.n_ffts, self.hops_per_window)

    def build(self, audio: AudioFormat) -> nn.Module:
        return ComplexSTFTDiscriminator(self, audio)

    @property
    def window(self) -> int:
        """The samples of its longest FFT."""
        return max(self.n_ffts)

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_ffts=(64, 128), channels=2, layers=2)


class ComplexSTFTDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, n), window by
    window.

    Any T >= 1 will do.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        layers = spectral_layers(config.channels, config.layers)
        # parts: real and imaginary.
        self.resolutions = source_chains(
            config, audio, len(config.n_ffts), layers, VERDICT, parts=2
        )

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        signals = discriminator_input(sources, mixture, self.config)
        outputs = []
        for chains, n_fft in zip(self.resolutions, self.config.n_ffts, strict=True):
            hop = n_fft // self.config.hops_per_window
            transform = partial(complex_spectrogram, n_fft=n_fft, hop=hop)
            outputs.append(chains(signals.side_by_side(transform)))
        return joined(outputs)
