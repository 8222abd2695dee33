"""The grid of HT Demucs' context: its networks, and what a row compares."""

from functools import partial
from typing import Any

import pytest
import torch

from benchmarks import context
from benchmarks.sections import SECTIONS
from benchmarks.timing import Work, cost

CPU = torch.device("cpu")


@pytest.mark.slow
def test_the_grid_is_the_published_one() -> None:
    with torch.device("meta"):
        networks = [setting.generator.build(setting.audio) for setting in context.grid()]
    counts = [sum(weight.numel() for weight in network.parameters()) for network in networks]
    assert counts[1::4] == [41_984_456] * 3  # 5 layers, width 512: the released network
    assert counts[3::4] == [54_604_232] * 3
    assert len({str(setting) for setting in context.grid()}) == 12


def test_a_row_compares_sparse_with_dense_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(work: Any, _: torch.device, rounds: int) -> tuple[float, float]:
        assert rounds == 2
        return {"dense": (100.0, 4.0), "sparse": (50.0, 6.0)}[work.args[0].generator.attention]

    monkeypatch.setattr(context, "cost", known)
    (row,) = context.context(context.grid()[:1], rounds=2, device=CPU).rows
    assert row["setting"] == "5 layers, width 384, 44.1 kHz stereo, 1 x 3.4 s"
    assert (row["time sparse / dense"], row["memory sparse / dense"]) == (1.5, 0.5)
    assert (row["dense, s"], row["sparse, MiB"]) == (4.0, 50.0)


def test_the_section_takes_a_few_rounds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def known(_: Any, __: torch.device, rounds: int) -> tuple[float, float]:
        asked.append(rounds)
        return 1.0, 1.0

    monkeypatch.setattr(context, "cost", known)
    assert len(SECTIONS["context"](True, 10, CPU).rows) == 1
    assert asked == [2, 2]


def allocate(megabytes: int) -> Work:
    return lambda: torch.ones(megabytes * 2**18).sum()


@pytest.mark.slow
def test_a_cost_is_of_memory_and_computing() -> None:
    memory, seconds = cost(partial(allocate, 200), CPU, rounds=1)
    assert 190 < memory < 260
    assert 0 < seconds < 5
