"""The VGG of music tagging by Pons and Serra, musicnn: Pre-trained convolutional neural networks
for music audio tagging, 2019: log-mel spectrogram, five layers of 3x3, and a dense layer."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from gan_sep.features.base import Features, draw

N_FFT, HOP, BANDS = 512, 256, 96
FRAMES = 187  # of 3 s, which tags are told from
_POOLS = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))
_Pool = tuple[tuple[int, int], tuple[int, int]]
_LEAST_FRAMES = 80  # the last pooling wants four frames


class MusicTagging(Features):
    """The network: feature maps are the five pooled layers, (B, channels, frames, bands)."""

    least_samples = (_LEAST_FRAMES - 1) * HOP
    mel: Tensor

    def __init__(self, channels: int, tags: int) -> None:
        super().__init__()
        sizes = [1, *[channels] * len(_POOLS)]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.BatchNorm2d(size, eps=1e-3) for size in sizes)
        self.dense = nn.Linear(2 * channels, tags)
        mel = melscale_fbanks(N_FFT // 2 + 1, 0, 8000, BANDS, 16000, "slaney", "slaney")
        self.register_buffer("mel", mel, persistent=False)  # (F, bands)
        draw(self)

    def front_end(self, signal: Tensor) -> Tensor:
        """(B, T) at 16 kHz -> log10(10000 mel power + 1), (B, frames, bands)."""
        window = torch.hann_window(N_FFT, device=signal.device)
        spectrum = torch.stft(signal, N_FFT, HOP, window=window, return_complex=True)  # (B, F, N)
        power = spectrum.real.square() + spectrum.imag.square()
        mel: Tensor = power.transpose(1, 2) @ self.mel  # (B, N, bands)
        return (10000 * mel + 1).log10()

    def maps(self, signal: Tensor) -> list[Tensor]:
        return self.layers(self.front_end(signal))

    def layers(self, mel: Tensor) -> list[Tensor]:
        """(B, frames, bands) -> the pooled layers."""
        x, found = self.norms[0](mel.unsqueeze(1)), []  # (B, 1, N, bands)
        for conv, norm, pool in zip(self.convolutions, self.norms[1:], _POOLS, strict=True):
            x = self._layer(x, conv, norm, pool)
            found.append(x)
        return found

    def _layer(self, x: Tensor, conv: nn.Module, norm: nn.Module, pool: _Pool) -> Tensor:
        """Convolution, rectifier, batch norm and pooling.

        Frozen, the pooling comes first: it passes whatever is monotonic, and where the norm has a
        negative factor, the maximum behind it is a minimum. What pooling skips is not computed.
        """
        size, stride = pool
        if self.training:
            return F.max_pool2d(norm(F.relu(conv(x))), size, stride)
        (weight, bias), (factor, _) = conv.parameters(), norm.parameters()
        sign = torch.where(factor < 0, -1.0, 1.0)[:, None, None]  # (channels, 1, 1)
        skipped = [step if length == 1 else 1 for length, step in zip(size, stride, strict=True)]
        left = [step // skip for step, skip in zip(stride, skipped, strict=True)]
        x = F.conv2d(x, sign[..., None] * weight, sign.flatten() * bias, skipped, 1)
        pooled: Tensor = norm(F.relu(sign * F.max_pool2d(x, size, left)))
        return pooled

    def logits(self, signal: Tensor) -> Tensor:
        """Tags of the first 3 s: (B, T) at 16 kHz -> (B, tags)."""
        signal = F.pad(signal, (0, max(0, (FRAMES - 1) * HOP - signal.shape[-1])))
        last = self.layers(self.front_end(signal)[:, :FRAMES])[-1]  # (B, channels, 2, 1)
        logits: Tensor = self.dense(last.squeeze(3).transpose(1, 2).flatten(1))
        return logits
