"""Attention in which a query looks at the tenth of the keys that lie in its direction.

Source: Rouard, Massa, Défossez, "Hybrid Transformers for Music Source Separation", 2023. Its rule
is locality-sensitive hashing: a round draws half as many random directions as it has buckets, and
puts a vector into the bucket of the direction, or its opposite, that it points to most. A pair of
query and key is kept where both fall into one bucket in at least `least` rounds. The published code
leaves the search for these pairs, and so the choice of `least`, to a kernel that was not released.
Here it is the smallest number that keeps no more than the asked share of pairs, counted in each
call for each item of the batch over its heads, queries and keys; and a query that would be left
with less keeps its best matches. What else a batch holds changes no item.

A dense network computes no probabilities in memory either (scaled_dot_product_attention); this one
costs more time than that, and is here as a model.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

_SEED = 0  # of the directions in evaluation


@dataclass(frozen=True)
class Hashing:
    """Which pairs of query and key are kept, and how many queries are looked at together."""

    rounds: int = 32  # in which a pair may agree
    buckets: int = 4  # of a round, an even number
    sparsity: float = 0.9  # the least share of pairs that is dropped
    block: int = 256  # queries


class SparseAttention(nn.Module):
    """Queries (B, T, C) and keys (B, T', C) -> (B, T, C), the values being made from the keys.

    In training the directions are drawn anew in each call, from torch's random state as dropout is;
    in evaluation they are always the same ones. Memory grows with the block of queries times T',
    not with T times T': the pairs of a block of queries are found again in the backward pass.
    """

    def __init__(self, dimension: int, heads: int, dropout: float, hashing: Hashing) -> None:
        super().__init__()
        self.heads, self.hashing = heads, hashing
        self.q = nn.Linear(dimension, dimension)
        self.k = nn.Linear(dimension, dimension)
        self.v = nn.Linear(dimension, dimension)
        self.proj = nn.Linear(dimension, dimension)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, C / heads)
            for layer, x in ((self.q, queries), (self.k, keys), (self.v, keys))
        )
        with torch.no_grad():
            directions = self._directions(q)
            hashed = hashes(q, directions), hashes(k, directions)
        attended = sparse_attention(q, k, v, *hashed, self.hashing)
        return self.proj_drop(self.proj(attended.transpose(1, 2).flatten(2)))

    def _directions(self, q: Tensor) -> Tensor:
        """(C / heads, rounds, buckets / 2), shared by the items, heads, queries and keys."""
        shape = q.shape[-1], self.hashing.rounds, self.hashing.buckets // 2
        if self.training:
            return torch.randn(shape, dtype=q.dtype, device=q.device)
        drawn = torch.randn(shape, generator=torch.Generator().manual_seed(_SEED))
        return drawn.to(q)


def hashes(x: Tensor, directions: Tensor) -> Tensor:
    """x (B, H, T, D), directions (D, rounds, buckets / 2) -> (B, H, T, rounds * buckets).

    1 at the bucket of each round and 0 elsewhere: the product of two such vectors counts the rounds
    in which they agree.
    """
    projected = torch.einsum("bhtd,drp->bhtrp", x, directions)
    buckets = torch.cat([projected, -projected], -1).argmax(-1)  # (B, H, T, rounds)
    return F.one_hot(buckets, 2 * directions.shape[2]).flatten(3).to(x.dtype)


def least_agreement(hashed_q: Tensor, hashed_k: Tensor, hashing: Hashing) -> Tensor:
    """The fewest rounds in which a pair that is kept agrees: (B, 1, 1, 1), 0 to rounds + 1.

    The smallest number that drops at least the asked share of an item's pairs.
    """
    B, size = len(hashed_q), hashing.rounds + 1
    offsets = size * torch.arange(B, device=hashed_q.device)[:, None]
    counted = torch.zeros(B * size, dtype=torch.int64, device=hashed_q.device)
    for block in hashed_q.split(hashing.block, 2):
        agreeing = (block @ hashed_k.transpose(2, 3)).flatten(1).long() + offsets
        counted += torch.bincount(agreeing.flatten(), minlength=B * size)
    # Pairs that agree in fewer than 0, 1, ..., rounds + 1 rounds.
    fewer = F.pad(counted.view(B, size).double().cumsum(1), (1, 0))
    enough = fewer >= hashing.sparsity * fewer[:, -1:]  # False ..., True ...
    return (~enough).sum(1).view(-1, 1, 1, 1)


def sparse_attention(
    q: Tensor, k: Tensor, v: Tensor, hashed_q: Tensor, hashed_k: Tensor, hashing: Hashing
) -> Tensor:
    """Softmax attention over the kept pairs: q (B, H, T, D), k and v (B, H, T', D) -> as q."""
    least = least_agreement(hashed_q, hashed_k, hashing)
    blocks = zip(q.split(hashing.block, 2), hashed_q.split(hashing.block, 2), strict=True)
    attended = [
        checkpoint(
            _attend, block, k, v, hashed, hashed_k, least,
            use_reentrant=False, preserve_rng_state=False,
        )
        for block, hashed in blocks
    ]  # fmt: skip
    return torch.cat(attended, 2)


def _attend(
    q: Tensor, k: Tensor, v: Tensor, hashed_q: Tensor, hashed_k: Tensor, least: Tensor
) -> Tensor:
    agreeing = hashed_q @ hashed_k.transpose(2, 3)  # (B, H, block, T')
    best = agreeing.amax(-1, keepdim=True)
    return F.scaled_dot_product_attention(q, k, v, agreeing >= torch.minimum(best, least))
