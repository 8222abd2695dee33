"""What the benchmark trains: generators, their batches, their discriminators."""

from dataclasses import dataclass, field, replace
from typing import Self

import torch

from gan_sep.audio import AudioFormat
from gan_sep.config.run import Adversarial
from gan_sep.discriminators import spectrogram
from gan_sep.discriminators.base import DiscriminatorConfig
from gan_sep.generators import (
    conv_tasnet,
    demucs,
    hdemucs,
    htdemucs,
    open_unmix,
    rnn_mask,
    vpnn,
    wave_unet,
)
from gan_sep.generators.base import GeneratorConfig
from gan_sep.spectra import Stft


@dataclass(frozen=True)
class Setting:
    """A generator and the batch it is trained on, and what its GAN arm has besides."""

    name: str  # what to call the generator
    generator: GeneratorConfig
    audio: AudioFormat
    seconds: float
    batch_size: int
    discriminator: DiscriminatorConfig = field(default_factory=spectrogram.Config)
    adversarial: Adversarial = field(default_factory=Adversarial)
    unpaired: int = 0  # mixtures separated for the discriminator alone

    def __str__(self) -> str:
        kind = "mono" if self.audio.channels == 1 else "stereo"
        return (
            f"{self.name}, {self.audio.sample_rate / 1000:g} kHz {kind}, "
            f"{self.batch_size} x {self.seconds:g} s"
        )

    @property
    def audio_seconds(self) -> float:
        """Seconds of music in one batch."""
        return self.batch_size * self.seconds

    def tiny(self) -> Self:
        """The same generator and discriminator at their smallest, on a batch that takes no time."""
        return replace(
            self,
            name=f"tiny {self.name.partition(',')[0]}",
            generator=self.generator.tiny(),
            audio=AudioFormat(4000, 1),
            seconds=0.2,
            batch_size=2,
            discriminator=self.discriminator.tiny(),
        )

    def sources(self, device: torch.device, items: int | None = None) -> torch.Tensor:
        """Noise in the shape of a batch, or of so many items, (B, S, C, T)."""
        S, C, T = len(self.audio.sources), self.audio.channels, self.audio.samples(self.seconds)
        return 0.1 * torch.randn(items or self.batch_size, S, C, T, device=device)


MONO = AudioFormat(sample_rate=16000, channels=1)
DUET = AudioFormat(sample_rate=16000, channels=1, sources=("music", "voice"))
STEREO = AudioFormat()

SMALL_DEMUCS = demucs.Config(channels=16, depth=5, resample=False)
SMALL_CONV_TASNET = conv_tasnet.Config(
    filters=128, kernel=32, bottleneck=64, hidden=128, blocks=7, repeats=2
)
SMALL_WAVE_UNET = wave_unet.Config(depth=9, filters=12, context=False)
SMALL_OPEN_UNMIX = open_unmix.Config(stft=Stft(1536, 384), hidden=128)
SMALL_DISCRIMINATOR = spectrogram.Config(n_fft=1024, hop=512, channels=8)

SMALL = Setting("Demucs v1, 16 channels, depth 5", SMALL_DEMUCS, MONO, 3, 8, SMALL_DISCRIMINATOR)
# From the smallest to the published size.
DEMUCS = (
    Setting("Demucs v2, 16 channels, depth 5", demucs.Config(16, 5), MONO, 3, 8),
    Setting("Demucs v2, 16 channels, depth 6", demucs.Config(16, 6), STEREO, 3, 4),
    Setting("Demucs v2, 32 channels, depth 6", demucs.Config(32, 6), STEREO, 4, 2),
    Setting("Demucs v2, 64 channels, depth 6", demucs.Config(64, 6), STEREO, 4, 1),
)
# Every generator as in the configurations for two CPU cores.
SYSTEMS = (
    SMALL,
    Setting("Conv-TasNet, 128 filters", SMALL_CONV_TASNET, MONO, 2, 4),
    Setting("Wave-U-Net, 12 filters", SMALL_WAVE_UNET, MONO, 2, 4),
    Setting("Open-Unmix, 128 hidden", SMALL_OPEN_UNMIX, MONO, 3, 8),
    Setting("RNN mask, 500 hidden", rnn_mask.Config(hidden=500), MONO, 3, 8),
    Setting("VPNN, 3 x 512 hidden", vpnn.Config(), DUET, 2.5, 8),
)
# Nearer to the published sizes: a quarter of the repeats, a small batch.
LARGE_SYSTEMS = (
    Setting("Conv-TasNet, 256 filters, 1 repeat", conv_tasnet.Config(repeats=1), MONO, 2, 2),
    Setting("Open-Unmix, 512 hidden", open_unmix.Config(), STEREO, 6, 2),
)
SMALL_HTDEMUCS = htdemucs.Config(
    channels=8,
    n_fft=2048,
    branches="encoder",
    compression=4,
    bottom_channels=64,
    transformer_layers=3,
    heads=4,
    segment_seconds=2,
)
# Hybrid networks, as configs/studies/musdb18_7s_hybrids.yaml has them and as published.
HYBRIDS = (
    Setting("Hybrid Demucs, 8 channels", hdemucs.Config(8, depth=5, n_fft=1024), MONO, 2, 4),
    Setting("HT Demucs, 8 channels", SMALL_HTDEMUCS, MONO, 2, 4),
    Setting("Hybrid Demucs, 48 channels", hdemucs.Config(), STEREO, 3, 1),
    Setting("HT Demucs, 48 channels", htdemucs.Config(), STEREO, 3, 1),
)
GAN = (
    replace(SMALL, unpaired=1),
    Setting("Demucs v2, 32 channels, depth 6", demucs.Config(32, 6), STEREO, 3, 8, unpaired=1),
    Setting("Demucs v2, 64 channels, depth 6", demucs.Config(64, 6), STEREO, 3, 4),
)
QUICK = DEMUCS[0].tiny()
QUICK_SYSTEMS = tuple(setting.tiny() for setting in SYSTEMS)
