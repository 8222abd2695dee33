import signal
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from accelerate import Accelerator

from gan_sep.training import interrupt
from gan_sep.training.budget import Budget
from gan_sep.training.interrupt import StopRequest


class DeliveredError(Exception):
    """A signal that took its usual way."""


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """Both signals raise, as SIGINT always does, instead of ending the tests."""

    def deliver(number: int, frame: object) -> None:
        raise DeliveredError(number)

    before = {number: signal.signal(number, deliver) for number in interrupt.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", interrupt.SIGNALS)
def test_a_signal_is_noted_and_its_echo_ignored(number: signal.Signals) -> None:
    with StopRequest(Accelerator(cpu=True)) as stop:
        assert stop.received() == 0
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)  # what a launcher passes on
        assert stop.received() == number
    with pytest.raises(DeliveredError):
        signal.raise_signal(number)


def test_a_second_signal_later_on_takes_its_usual_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "ECHO_SECONDS", -1.0)
    with StopRequest(Accelerator(cpu=True)):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(DeliveredError):
            signal.raise_signal(signal.SIGINT)


def test_a_budget_that_is_used_up_asks_like_a_signal_which_goes_before_it() -> None:
    budget = Budget(steps=1)
    with StopRequest(Accelerator(cpu=True), budget) as stop:
        assert stop.received() == 0
        budget.step_taken()
        assert stop.received() == interrupt.SPENT
        signal.raise_signal(signal.SIGTERM)
        assert stop.received() == signal.SIGTERM
    assert interrupt.SPENT not in signal.valid_signals()


def test_a_worker_whose_launcher_is_gone_already_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setattr(interrupt.ctypes, "CDLL", mock.MagicMock())
    monkeypatch.setattr(interrupt.os, "getppid", lambda: 1)
    command = b"/usr/bin/accelerate\0launch"  # of process 1 in a container
    monkeypatch.setattr(Path, "read_bytes", lambda path: command)
    interrupt.end_with_launcher()
    command = b"/sbin/init"
    with pytest.raises(DeliveredError):
        interrupt.end_with_launcher()
