import argparse
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from commands import ACCELERATE, TWO_PROCESSES, finish, start

from gan_sep.programs import clear_errors, device


def test_ctrl_c_outside_training_ends_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop, clear_errors():
        raise KeyboardInterrupt
    assert stop.value.code == 128 + signal.SIGINT
    assert capsys.readouterr().err == "\nstopped; what is finished is kept\n"


@pytest.mark.parametrize("kind", [MemoryError, OverflowError, RecursionError])
def test_what_is_too_large_ends_in_one_line(
    capsys: pytest.CaptureFixture[str], kind: type[Exception]
) -> None:
    with pytest.raises(SystemExit) as stop, clear_errors():
        raise kind("too\nlarge")
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"\nerror: {kind.__name__}: too large\n"


def test_a_mistake_in_the_program_itself_is_not_hidden() -> None:
    with pytest.raises(KeyError), clear_errors():
        raise KeyError("a defect")


def test_a_device_is_one_that_torch_can_compute_on() -> None:
    assert device("cpu") == torch.device("cpu")
    with pytest.raises(argparse.ArgumentTypeError, match="cannot compute on 'cuda:99'"):
        device("cuda:99")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="launchers are waited for on Linux alone")
@pytest.mark.parametrize("launcher", [ACCELERATE, TWO_PROCESSES], ids=["accelerate", "torchrun"])
def test_an_error_is_the_last_line_after_what_a_launcher_adds(
    launcher: tuple[str, ...], tmp_path: Path
) -> None:
    process = start(launcher, "train_gan", "--config", "nowhere.yaml", folder=tmp_path)
    ended = finish(process)
    lines = ended.err.strip().splitlines()
    assert ended.status != 0
    assert lines[-1] == "error: nowhere.yaml: no such configuration file"
    assert any("Error" in line for line in lines[:-1])  # of the launcher
    assert lines.count(lines[-1]) <= 3  # once by each worker, once more by the first


@pytest.mark.skipif(torch.accelerator.is_available(), reason="each process takes an accelerator")
@pytest.mark.parametrize(("processes", "told"), [("2", "true"), ("1", None)])
def test_several_processes_without_an_accelerator_are_counted(
    monkeypatch: pytest.MonkeyPatch, processes: str, told: str | None
) -> None:
    monkeypatch.setenv("WORLD_SIZE", processes)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "")
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    with clear_errors():
        assert os.environ.get("ACCELERATE_USE_CPU") == told
