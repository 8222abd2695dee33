"""The layers of Radford, Metz and Chintala, Unsupervised representation learning with deep
convolutional GANs, 2016, of all sources side by side: strided 4 x 4 convolutions, LeakyReLU of
slope 0.2, weights drawn from N(0, 0.02)."""

from torch import nn

LEAK = 0.2


def halving(groups: int, narrow: int, wide: int, normalised: bool) -> nn.Module:
    """Halves height and width: (B, groups*narrow, M, N) -> (B, groups*wide, M/2, N/2)."""
    convolution = nn.Conv2d(groups * narrow, groups * wide, 4, 2, 1, groups=groups)
    norm = nn.GroupNorm(groups, groups * wide) if normalised else nn.Identity()
    return nn.Sequential(convolution, norm, nn.LeakyReLU(LEAK))


def initialise(module: nn.Module) -> None:
    """DCGAN's weights: convolutions from N(0, 0.02), gains from N(1, 0.02), biases 0."""
    if isinstance(module, nn.Conv2d | nn.GroupNorm):
        nn.init.normal_(module.weight, 0.0 if isinstance(module, nn.Conv2d) else 1.0, 0.02)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
