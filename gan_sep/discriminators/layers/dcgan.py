"""The layers of Radford, Metz and Chintala, Unsupervised representation learning with deep
convolutional GANs, 2016, of all sources side by side: strided 4 x 4 convolutions, LeakyReLU of
slope 0.2, weights drawn from N(0, 0.02)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from gan_sep.discriminators.layers.spectral_norm import spectrally_normalised

LEAK = 0.2


def halvings(groups: int, widths: Sequence[int], spectral_norm: bool) -> nn.ModuleList:
    """Layers (B, groups*narrow, M, N) -> (B, groups*wide, M/2, N/2) from each width to the next.

    As in DCGAN the first is not normalised: it is the one that sees the level.
    """
    layers = nn.ModuleList()
    for index, (narrow, wide) in enumerate(pairwise(widths)):
        convolution = nn.Conv2d(groups * narrow, groups * wide, 4, 2, 1, groups=groups)
        normalised = index > 0 and not spectral_norm
        norm = nn.GroupNorm(groups, groups * wide) if normalised else nn.Identity()
        layers.append(nn.Sequential(convolution, norm, nn.LeakyReLU(LEAK)))
    return layers


def initialise(network: nn.Module, groups: int, spectral_norm: bool) -> None:
    """DCGAN's weights: convolutions from N(0, 0.02), gains from N(1, 0.02), biases 0.

    spectral_norm: of each group's convolutions, from then on.
    """
    network.apply(_draw)
    if spectral_norm:
        for convolution in [m for m in network.modules() if isinstance(m, nn.Conv2d)]:
            spectrally_normalised(convolution, groups)


def _draw(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.GroupNorm):
        nn.init.normal_(module.weight, 0.0 if isinstance(module, nn.Conv2d) else 1.0, 0.02)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
