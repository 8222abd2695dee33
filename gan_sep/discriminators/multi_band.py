"""Chains of convolutions on complex spectrograms, one for each band of frequencies.

The multi-band multi-scale STFT discriminator of Kumar et al., "High-Fidelity Audio Compression with
Improved RVQGAN" (DAC), 2023. In one spectrogram for all, music's low frequencies are thousands of
times as strong as its high ones; a chain for one band learns weights for its level.

Published are windows of 512, 1024 and 2048 samples at 44.1 kHz, four hops each, 32 channels, and a
last convolution over all bands. Here there is one window, two hops of it, few channels, and every
band has logits of its own, which count the same whatever its width.

At the default a mono discriminator has 8330 parameters; a logit gets 15 frames, eight times the
window: 0.51 s of 16 kHz, and 63 bins of its band. On a CPU the four discriminators add three
quarters of a plain step to one of a small Demucs (16 channels, 16 kHz mono).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Self

from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators import complex_stft
from gan_sep.discriminators.base import DiscriminatorOutput
from gan_sep.discriminators.layers.complex_spectra import (
    VERDICT,
    complex_spectrogram,
    spectral_layers,
)
from gan_sep.discriminators.layers.convolutions import joined, source_chains
from gan_sep.discriminators.layers.inputs import discriminator_input


@dataclass(frozen=True, kw_only=True)
class Config(complex_stft.Config):
    """Sizes of one discriminator; every source has the same."""

    n_ffts: tuple[int, ...] = (1024,)  # windows, in samples
    # Where one band ends and the next begins, as shares of half the sample rate.
    splits: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75)

    def __post_init__(self) -> None:
        super().__post_init__()
        for n_fft in self.n_ffts:
            band_slices(self.splits, n_fft // 2 + 1)

    def build(self, audio: AudioFormat) -> nn.Module:
        return MultiBandDiscriminator(self, audio)

    @classmethod
    def tiny(cls) -> Self:
        return cls(n_ffts=(64, 128), splits=(0.25,), channels=2, layers=2)


class MultiBandDiscriminator(nn.Module):
    """sources (B, S, C, T), mixture (B, C, T) -> DiscriminatorOutput: logits (B, S, n), band by
    band.

    Any T >= 1 will do. All bands of the first window come before those of the second.
    """

    def __init__(self, config: Config, audio: AudioFormat) -> None:
        super().__init__()
        self.config = config
        layers = spectral_layers(config.channels, config.layers)
        bands = len(config.n_ffts) * (len(config.splits) + 1)
        # parts: real and imaginary.
        self.bands = source_chains(config, audio, bands, layers, VERDICT, parts=2)

    def forward(self, sources: Tensor, mixture: Tensor) -> DiscriminatorOutput:
        spectra = zip(self.bands, self._spectra(sources, mixture), strict=True)
        return joined([chains(spectrum) for chains, spectrum in spectra])

    def _spectra(self, sources: Tensor, mixture: Tensor) -> Iterator[Tensor]:
        """Of each band (B, S*2C, N, F'), window after window."""
        signals = discriminator_input(sources, mixture, self.config)
        for n_fft in self.config.n_ffts:
            hop = n_fft // self.config.hops_per_window
            transform = partial(complex_spectrogram, n_fft=n_fft, hop=hop)
            spectrum = signals.side_by_side(transform)  # (B, S*2C, N, F)
            for band in band_slices(self.config.splits, spectrum.shape[-1]):
                yield spectrum[..., band]


def band_slices(splits: tuple[float, ...], num_bins: int) -> list[slice]:
    """The bins of each band: every one of num_bins in exactly one slice, from low to high.

    Raises ValueError where splits do not rise within (0, 1), or leave a band without a bin.
    """
    if list(splits) != sorted(set(splits)) or not all(0 < split < 1 for split in splits):
        raise ValueError(f"splits: expected rising shares between 0 and 1, got {list(splits)}")
    edges = [0, *(round(split * num_bins) for split in splits), num_bins]
    if any(low == high for low, high in pairwise(edges)):
        raise ValueError(
            f"splits: {list(splits)} leave a band of an FFT of {2 * (num_bins - 1)} samples "
            "without a bin; move them apart or raise n_ffts"
        )
    return [slice(low, high) for low, high in pairwise(edges)]
