import argparse
import signal

import pytest
import torch

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
