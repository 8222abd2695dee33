import os
import pickle
from pathlib import Path

import pytest
import torch

from gan_sep.training import checkpoint
from gan_sep.training.checkpoint import CheckpointError


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {"step": 3, "weights": torch.arange(4.0), "nested": [None, {"a": (1, 2.5)}]}
    checkpoint.save(tmp_path / "x.pt", state)
    found = checkpoint.load(tmp_path / "x.pt")
    assert found["weights"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert (found["step"], found["nested"]) == (3, [None, {"a": (1, 2.5)}])
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


def test_loading_executes_no_code_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"step": Malicious()}, tmp_path / "bad.pt")
    (tmp_path / "worse.pt").write_bytes(pickle.dumps(Malicious()))
    for name in ("bad.pt", "worse.pt"):
        with pytest.raises(CheckpointError, match="not a checkpoint of plain tensors"):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "x.pt", {"weights": torch.zeros(1000)})
    content = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"x\.pt: not a checkpoint"):
        checkpoint.load(tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"y\.pt: no such checkpoint"):
        checkpoint.load(tmp_path / "y.pt")


def test_one_wrong_bit_among_the_weights_is_found(tmp_path: Path) -> None:
    weights = torch.full((1000,), 3.0)
    checkpoint.save(tmp_path / "x.pt", {"weights": weights})
    content = bytearray((tmp_path / "x.pt").read_bytes())
    content[content.index(weights.numpy().tobytes()) + 2000] ^= 1
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.pt: not a checkpoint .* or damaged"):
        checkpoint.load(tmp_path / "x.pt")


def test_a_full_disk_leaves_the_file_of_before(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    checkpoint.save(tmp_path / "x.pt", {"step": 1})
    (tmp_path / f".x.pt.{os.getpid()}.part").symlink_to(full)
    with pytest.raises(CheckpointError, match=r"cannot write the checkpoint .*--resume"):
        checkpoint.save(tmp_path / "x.pt", {"weights": torch.zeros(100_000)})
    assert checkpoint.load(tmp_path / "x.pt") == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


def test_only_the_newest_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 100):
        checkpoint.save(checkpoint.path_of(tmp_path, step), {"step": step})
    checkpoint.save(tmp_path / "best.pt", {})
    assert checkpoint.latest(tmp_path) == checkpoint.path_of(tmp_path, 100)
    checkpoint.prune(tmp_path, keep=2)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["best.pt", "step-00000010.pt", "step-00000100.pt"]
    assert checkpoint.latest(tmp_path / "nowhere") is None


def test_of_a_step_whose_validation_was_due_the_newest_checkpoint_alone_is_kept(
    tmp_path: Path,
) -> None:
    for step, due in ((5, True), (6, False), (10, True)):
        checkpoint.save(checkpoint.path_of(tmp_path, step, due), {"step": step})
    checkpoint.prune(tmp_path, keep=2)
    newest = checkpoint.path_of(tmp_path, 10, due=True)
    assert sorted(tmp_path.iterdir()) == [checkpoint.path_of(tmp_path, 6), newest]
    assert checkpoint.latest(tmp_path) == newest
    assert (checkpoint.is_due(newest), checkpoint.step_of(newest)) == (True, 10)
    checkpoint.save(checkpoint.path_of(tmp_path, 10), {})
    assert checkpoint.latest(tmp_path) == checkpoint.path_of(tmp_path, 10)
