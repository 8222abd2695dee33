"""What the discriminators of complex spectrograms share: their input and their layers."""

import torch
from einops import rearrange
from torch import Tensor

from gan_sep.discriminators.layers.convolutions import Layer, check_distinct, doubled_widths
from gan_sep.spectra import stft

VERDICT = (3, 1)  # frames, bins


def check_resolutions(n_ffts: tuple[int, ...], hops_per_window: int) -> None:
    """Raises ValueError where a window is not a whole number of hops, or has less than two."""
    check_distinct("n_ffts", n_ffts, least=4)
    if hops_per_window < 2:
        raise ValueError(f"hops_per_window: expected at least 2, got {hops_per_window}")
    for n_fft in n_ffts:
        if n_fft % 2 or n_fft % hops_per_window:
            raise ValueError(
                f"n_ffts: expected even multiples of hops_per_window = {hops_per_window}, "
                f"got {n_fft}"
            )


def complex_spectrogram(signals: Tensor, n_fft: int, hop: int) -> Tensor:
    """Real and imaginary parts as channels: (B, C, T), any T >= 1 -> (B, 2C, N, F).

    Scaled by the energy of the window: of white noise, each bin has as much power as each sample,
    which keeps the inputs of all resolutions at one level. In full precision whatever the rest
    runs in.
    """
    with torch.autocast(signals.device.type, enabled=False):
        # The samples are scaled, since the bins are more.
        spectrum = stft(signals.float() * (8 / (3 * n_fft)) ** 0.5, n_fft, hop)  # (B, C, F, N)
        return rearrange(torch.view_as_real(spectrum), "b c f n parts -> b (c parts) n f")


def spectral_layers(channels: int, layers: int) -> list[Layer]:
    """An eighth of the bins, of every frame by itself; then half of the frames and of the bins."""
    first, *others = doubled_widths(channels, layers)
    return [Layer(first, (1, 15), (1, 8)), *(Layer(width, (3, 3), (2, 2)) for width in others)]
