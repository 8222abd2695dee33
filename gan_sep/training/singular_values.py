"""The singular-value penalty: the sum over a network's large weights of their largest one, squared.

A convolution counts as the matrix of its output channels and everything else, a transposed one
likewise; recurrent and linear weights as they are, vectors not at all.

Source: Défossez, Hybrid Spectrogram and Waveform Source Separation, 2021; the code of Demucs v3,
whose low-rank decomposition (Halko et al., 2011) with 100 directions and 4 iterations this is.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_DIRECTIONS, _ITERATIONS = 100, 4
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)


def penalty(network: nn.Module, smallest_mib: float) -> Tensor:
    """Its exact value, a scalar; slow."""
    matrices = [_as_matrix(w, swap) for w, swap in _weights(network, smallest_mib)]
    return sum((torch.linalg.svdvals(each)[0].square() for each in matrices), torch.zeros(()))


@torch.no_grad()
def add_gradient(network: nn.Module, weight: float, smallest_mib: float, seed: int) -> Tensor:
    """Add `weight` times the penalty's gradient to the weights' `grad` -> its estimate, a scalar.

    seed: of the directions that the decomposition begins with, the same in every process.
    """
    total = torch.zeros((), device=next(network.parameters()).device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for parameter, swap in _weights(network, smallest_mib):
            matrix = _as_matrix(parameter, swap)  # (m, n)
            U, S, V = torch.svd_lowrank(matrix, min(_DIRECTIONS, *matrix.shape), _ITERATIONS)
            total += S[0].square()
            # The gradient of s^2 is 2 s u v^T, with u and v the singular vectors.
            gradient = 2 * weight * S[0] * torch.outer(U[:, 0], V[:, 0])  # (m, n)
            turned = parameter.transpose(0, 1) if swap else parameter
            gradient = gradient.reshape(turned.shape)
            gradient = gradient.transpose(0, 1) if swap else gradient
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    return total


def _weights(network: nn.Module, smallest_mib: float) -> Iterator[tuple[nn.Parameter, bool]]:
    """The weights that count, and whether their first two axes are swapped, as transposed have."""
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            if parameter.ndim >= 2 and parameter.numel() * 4 >= smallest_mib * 2**20:
                yield parameter, isinstance(module, _TRANSPOSED)


def _as_matrix(weight: Tensor, swap: bool) -> Tensor:
    return (weight.transpose(0, 1) if swap else weight).flatten(1)
