"""Layers of neurons whose inputs, weights and outputs are vectors of three components.

Source: Nitta, "A back-propagation algorithm for neural networks based on 3D vector product", 1993.
"""

import math

import torch
from torch import Tensor, nn

# The Levi-Civita symbol: component a of w x v is the sum over b and c of _SYMBOL[a, b, c] w_b v_c.
_SYMBOL = torch.zeros(3, 3, 3)
_SYMBOL[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1.0
_SYMBOL[[0, 1, 2], [2, 0, 1], [1, 2, 0]] = -1.0


class VectorProduct(nn.Module):
    """z_i = sum_j (w_ij x v_j) + b_i with the cross product x: (..., J, 3) -> (..., I, 3).

    weight: (I, J, 3), bias: (I, 3); 3 I (J + 1) parameters. A component of z_i is a sum over 2 J
    numbers, for which many weights are drawn as those of `nn.Linear` for 2 J inputs. An activation
    is up to the caller.
    """

    symbol: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(2 * inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs, 3).uniform_(-bound, bound))
        self.register_buffer("symbol", _SYMBOL.clone(), persistent=False)

    def forward(self, v: Tensor) -> Tensor:
        """v: (..., J, 3) -> (..., I, 3)."""
        # Weights first: what meets the many vectors is one product with a matrix of 3 I x 3 J.
        matrices = torch.einsum("abc,ijb->iajc", self.symbol, self.weight)  # (I, 3, J, 3)
        return torch.einsum("iajc,...jc->...ia", matrices, v) + self.bias  # (..., I, 3)

    def along(self, v: Tensor, direction: Tensor) -> Tensor:
        """The outputs' components along a direction (3,), at a third of the price of all three.

        d . (w x v) = (d x w) . v. v: (..., J, 3) -> (..., I).
        """
        weight = torch.einsum("abc,a,ijb->ijc", self.symbol, direction, self.weight)  # (I, J, 3)
        return torch.einsum("ijc,...jc->...i", weight, v) + self.bias @ direction  # (..., I)
