"""Spectral normalisation of grouped convolutions: every discriminator's matrix by its own largest
singular value.

A grouped convolution is one matrix for each source, all in one tensor; torch's own parametrisation
would take it for a single matrix, and let one discriminator's weights scale another's. Normalised
discriminators of quiet signals can say little: it goes with signals of one level.

Source: Miyato et al., Spectral normalization for generative adversarial networks, 2018.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

FIRST_ITERATIONS = 50
SMALLEST = 1e-12


def spectrally_normalised(convolution: nn.Module, groups: int) -> nn.Module:
    """The convolution, with the largest singular value of each group's weights held at about 1.

    The weights (groups * out, in, ...) count as matrices (out, in * ...). To be called after they
    are initialised.
    """
    weight = convolution.weight
    assert isinstance(weight, Tensor)
    register_parametrization(convolution, "weight", GroupedSpectralNorm(weight, groups))
    return convolution


class GroupedSpectralNorm(nn.Module):
    """Weights (groups * out, in, ...) -> the same, divided by the largest singular value of each.

    The value comes from power iteration, one more in each training pass: it is what the weights
    stretch the remembered direction by, never more than the largest singular value, and equal to it
    as soon as the weights rest. The direction is part of the state, no random number is drawn.
    """

    direction: Tensor

    def __init__(self, weight: Tensor, groups: int) -> None:
        super().__init__()
        matrices = _matrices(weight.detach(), groups)  # (groups, out, in)
        direction = F.normalize(torch.ones_like(matrices[:, :, 0]), dim=1)  # (groups, out)
        for _ in range(FIRST_ITERATIONS):
            direction = _iterated(direction, matrices)
        self.register_buffer("direction", direction)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.is_meta:  # without numbers, as where weights are only counted
            return weight
        groups = len(self.direction)
        # In full precision whatever the rest runs in.
        with torch.autocast(weight.device.type, enabled=False):
            matrices = _matrices(weight, groups)  # (groups, out, in)
            if self.training:
                # A new tensor: the graphs of earlier passes still need the old one.
                self.direction = _iterated(self.direction, matrices.detach())
            stretched = torch.einsum("go,goi->gi", self.direction, matrices)  # (groups, in)
            stretch = torch.linalg.vector_norm(stretched, dim=1).clamp_min(SMALLEST)  # (groups,)
            return (matrices / stretch[:, None, None]).reshape(weight.shape)


def _matrices(weight: Tensor, groups: int) -> Tensor:
    """(groups * out, in, ...) -> (groups, out, in * ...)."""
    return weight.unflatten(0, (groups, -1)).flatten(2)


def _iterated(direction: Tensor, matrices: Tensor) -> Tensor:
    """One power iteration with W W^T: directions (groups, out), matrices (groups, out, in)."""
    images = torch.einsum("go,goi->gi", direction, matrices)  # (groups, in)
    return F.normalize(torch.einsum("gi,goi->go", images, matrices), dim=1)
