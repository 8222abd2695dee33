"""Sparse attention against softmax over a dense mask, pair by pair, and the package's own layer."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from demucs.htdemucs import HTDemucs as Published
from demucs.transformer import MultiheadAttention, _compute_buckets
from generators.hybrid_oracle import copy_audible, double_precision, relative_difference
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gan_sep.audio import AudioFormat
from gan_sep.generators.htdemucs import Config
from gan_sep.generators.layers.sparse_attention import (
    Hashing,
    SparseAttention,
    hashes,
    least_agreement,
    sparse_attention,
)


def kept_pairs(q: Tensor, k: Tensor, directions: Tensor, sparsity: float) -> Tensor:
    """The rule in words, for one item: q (H, T, D), k (H, T', D) -> bool (H, T, T').

    Buckets are those of the package; rounds are compared one by one.
    """
    buckets_q, buckets_k = (_compute_buckets(x, directions[None]) for x in (q, k))  # (H, T, rounds)
    agreeing = (buckets_q[:, :, None] == buckets_k[:, None]).sum(-1)  # (H, T, T')
    least = 0
    while (agreeing >= least).double().mean() > 1 - sparsity + 1e-12:
        least += 1
    best = agreeing == agreeing.max(-1, keepdim=True).values
    nothing_better = agreeing.max(-1, keepdim=True).values < least
    return (agreeing >= least) | (best & nothing_better)


def dense(q: Tensor, k: Tensor, v: Tensor, kept: Tensor) -> Tensor:
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return scores.masked_fill(~kept, -torch.inf).softmax(-1) @ v


def low_rank(*shape: int) -> Tensor:
    """Tokens that point into few directions, as a network's do: queries are left without a key."""
    return torch.randn(*shape[:-1], 3) @ torch.randn(3, shape[-1])


CASES = [
    (torch.randn, 200, 200, 64, Hashing(block=48)),
    (low_rank, 150, 90, 16, Hashing(block=256)),
    (low_rank, 33, 70, 8, Hashing(rounds=5, buckets=6, sparsity=0.97, block=1)),
    (torch.randn, 40, 40, 8, Hashing(sparsity=0.0)),
    (torch.randn, 1, 7, 4, Hashing()),
    (torch.randn, 9, 1, 4, Hashing(rounds=1, buckets=2)),
]


@pytest.mark.parametrize(("tokens", "queries", "keys", "width", "hashing"), CASES)
def test_outputs_and_gradients_are_those_of_a_dense_mask(
    tokens: Any, queries: int, keys: int, width: int, hashing: Hashing
) -> None:
    torch.manual_seed(0)
    q, k, v = (tokens(2, 3, n, width).requires_grad_() for n in (queries, keys, keys))
    directions = torch.randn(width, hashing.rounds, hashing.buckets // 2)
    kept = torch.stack([kept_pairs(q[b], k[b], directions, hashing.sparsity) for b in range(2)])
    assert kept.any(-1).all()
    expected = dense(q, k, v, kept)
    hashed = hashes(q.detach(), directions), hashes(k.detach(), directions)
    found = sparse_attention(q, k, v, *hashed, hashing)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    weights = torch.randn_like(found)
    wanted = torch.autograd.grad((expected * weights).sum(), (q, k, v))
    for gradient, other in zip(
        torch.autograd.grad((found * weights).sum(), (q, k, v)), wanted, strict=True
    ):
        assert relative_difference(gradient, other) < 1e-5 if other.abs().max() else True


def test_the_least_agreement_is_the_smallest_that_drops_the_share() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(1, 8, 300, 64), torch.randn(1, 8, 300, 64)
    directions = torch.randn(64, 32, 2)
    hashed_q, hashed_k = hashes(q, directions), hashes(k, directions)
    least = int(least_agreement(hashed_q, hashed_k, Hashing()))
    agreeing = hashed_q @ hashed_k.transpose(2, 3)
    assert (agreeing >= least).double().mean() <= 0.1 < (agreeing >= least - 1).double().mean()
    # Of independent rounds, Binomial(32, 1/4), 8.0 % of pairs would agree in 12; but a pair has one
    # angle in all rounds, which spreads the counts.
    assert least == 13
    assert int(agreeing.min()) >= 0
    assert hashed_q.sum(-1).unique().tolist() == [32.0]


def test_an_item_keeps_the_same_pairs_in_whatever_batch_it_lies() -> None:
    torch.manual_seed(0)
    layer = SparseAttention(16, 2, 0.0, Hashing(block=8)).eval()
    x = torch.cat([torch.randn(1, 50, 16), low_rank(1, 50, 16)])
    together = layer(x, x)
    for item in range(2):
        alone = layer(x[item : item + 1], x[item : item + 1])
        torch.testing.assert_close(alone[0], together[item], rtol=1e-5, atol=1e-6)


def test_directions_are_drawn_in_training_as_dropout_is_and_fixed_in_evaluation() -> None:
    torch.manual_seed(0)
    layer = SparseAttention(16, 2, 0.0, Hashing())
    x = torch.randn(1, 60, 16)
    state = torch.get_rng_state()
    first, second = layer(x, x), layer(x, x)
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    assert torch.equal(layer(x, x), first)
    layer.eval()
    state = torch.get_rng_state()
    assert torch.equal(layer(x, x), layer(x, x))
    assert torch.equal(torch.get_rng_state(), state)  # evaluating changes no training


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that is made while this is entered."""

    found = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = function(*args, **(kwargs or {}))
        for each in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(each, Tensor):
                self.found = max(self.found, each.numel())
        return made


def largest_tensor(block: int, tokens: int) -> int:
    """Of a forward and a backward pass, in numbers."""
    layer = SparseAttention(8, 2, 0.0, Hashing(block=block))
    x = torch.randn(1, tokens, 8, requires_grad=True)
    with Largest() as largest:
        layer(x, x).sum().backward()
    return largest.found


def test_memory_grows_with_the_block_and_linearly_with_the_tokens() -> None:
    heads, tokens = 2, 1024
    assert largest_tensor(tokens, tokens) == heads * tokens * tokens
    assert largest_tensor(256, tokens) == heads * 256 * tokens
    assert largest_tensor(512, tokens) == heads * 512 * tokens
    assert largest_tensor(256, 2 * tokens) == heads * 256 * 2 * tokens


SPARSE = {"t_sparse_self_attn": True, "t_sparse_cross_attn": True, "t_auto_sparsity": True}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two functions that were never released, made of the rule in words."""

    def find_locations(buckets_q: Tensor, buckets_k: Tensor, sparsity: float, _: bool) -> Any:
        agreeing = (buckets_q[:, :, None] == buckets_k[:, None]).sum(-1)
        least = 0
        while (agreeing >= least).double().mean() > 1 - sparsity:
            least += 1
        return agreeing >= agreeing.max(-1, keepdim=True).values.clamp(max=least), None

    def attend(q: Tensor, k: Tensor, v: Tensor, kept: Tensor, _: Any, __: Any) -> Tensor:
        return dense(q, k, v, kept)

    def forward(layer: Any, *arguments: Any, is_causal: bool = False, **options: Any) -> Any:
        return published_forward(layer, *arguments, **options)

    # The package's layer does not know an argument that torch gives it today.
    published_forward = MultiheadAttention.forward
    monkeypatch.setattr(MultiheadAttention, "forward", forward)
    operations = SimpleNamespace(
        find_locations=find_locations, sparse_memory_efficient_attention=attend
    )
    monkeypatch.setitem(sys.modules, "xformers", SimpleNamespace(ops=operations))
    monkeypatch.setitem(sys.modules, "xformers.ops", operations)


def test_a_network_in_training_gives_what_the_package_gives_with_such_a_kernel(
    kernel: None,
) -> None:
    audio = AudioFormat(8000)
    with double_precision():
        config = Config(
            channels=16, n_fft=1024, depth=3, bottom_channels=32, heads=4, attention="sparse"
        )
        published = Published(
            list(audio.sources), channels=16, nfft=1024, depth=3, bottom_channels=32, t_heads=4,
            dconv_mode=3, t_sparsity=0.9, **SPARSE,
        )  # fmt: skip
        torch.manual_seed(0)
        network = config.build(audio)
        copy_audible(published, network)
        mixture = torch.randn(1, 2, 6000)
        with torch.no_grad():
            torch.manual_seed(1)
            expected = published(mixture)
            torch.manual_seed(1)
            assert relative_difference(network(mixture), expected) < 1e-10
            network.crosstransformer = None
            assert relative_difference(network(mixture), expected) > 1e-3


def test_parameters_are_named_and_shaped_as_the_published() -> None:
    audio = AudioFormat()
    with torch.device("meta"):
        state = Config(attention="sparse", transformer_layers=7).build(audio).state_dict()
        published = Published(
            list(audio.sources), dconv_mode=3, bottom_channels=512, t_layers=7, **SPARSE
        ).state_dict()
    assert {n: w.shape for n, w in state.items()} == {n: w.shape for n, w in published.items()}
    assert sum(weight.numel() for weight in state.values()) == 54_604_232
