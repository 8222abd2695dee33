"""What the networks share that estimate magnitudes of all sources, from which masks are made."""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from gan_sep.spectra import Stft, istft, stft


class JointMasks(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), for any T of at least one sample.

    The mixture's spectrum is shared out by masks in [0, 1] that add up to 1: the estimates have the
    mixture's phase and, but for bins of digital silence, add up to the mixture.
    """

    def __init__(self, stft: Stft, num_sources: int) -> None:
        super().__init__()
        self.stft, self.num_sources = stft, num_sources

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        spectrum = stft(mixture, self.stft.n_fft, self.stft.hop)  # (B, C, F, N)
        estimates = self.masks(spectrum.abs()) * spectrum[:, None]  # (B, S, C, F, N)
        return istft(estimates, self.stft.hop, mixture.shape[-1])  # (B, S, C, T)

    def masks(self, magnitude: Tensor) -> Tensor:
        """Magnitudes of the mixture (B, C, F, N) -> the sources' masks (B, S, C, F, N)."""
        sizes = {"s": self.num_sources, "c": magnitude.shape[1]}
        outputs = rearrange(self.outputs(magnitude), "b n (s c f) -> b s c f n", **sizes)
        return joint_mask(outputs.to(magnitude.dtype))

    def outputs(self, magnitude: Tensor) -> Tensor:
        """What masks are made of, up to a sign: (B, C, F, N) -> (B, N, S * C * F)."""
        raise NotImplementedError


def with_context(magnitude: Tensor, context: int) -> Tensor:
    """Each frame with its neighbours: (B, C, F, N) -> (B, N, C * F * context).

    context: an odd number of frames around each one; those outside are silent.
    """
    padded = F.pad(magnitude, (context // 2, context // 2))
    frames = padded.unfold(-1, context, 1)  # (B, C, F, N, context)
    return rearrange(frames, "b c f n k -> b n (c f k)")


def joint_mask(outputs: Tensor) -> Tensor:
    """|a_k| / (sum over the sources of |a_j| + 1e-10): (B, S, ...) -> (B, S, ...), in [0, 1]."""
    magnitudes = outputs.abs()
    return magnitudes / (magnitudes.sum(1, keepdim=True) + 1e-10)
