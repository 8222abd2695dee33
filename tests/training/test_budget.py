import time

import pytest

from gan_sep.training.budget import Budget


def test_a_budget_without_limits_is_never_used_up() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.step_taken()
    assert not budget.used_up


def test_steps_are_counted_down() -> None:
    budget = Budget(steps=2)
    budget.step_taken()
    assert not budget.used_up
    budget.step_taken()
    assert budget.used_up


def test_minutes_pass_without_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = Budget(minutes=2, steps=10)
    now = 219.9
    assert not budget.used_up
    now = 220.0
    assert budget.used_up
