"""Metrics, oracles, networks and losses compute on the device of their input, whatever it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from on_another_device import FORGETFUL

from gan_sep.evaluation.metrics import METRICS
from gan_sep.evaluation.references import ORACLES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """By name, what differs from the CPU or is an error on a device that is not the CPU."""
    script = Path(__file__).with_name("on_another_device.py")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, str] = json.loads(ended.stdout)
    return found


def test_nothing_is_left_on_the_cpu(outcomes: dict[str, str]) -> None:
    assert {name: said for name, said in outcomes.items() if said and name != FORGETFUL} == {}


def test_every_metric_and_oracle_was_asked(outcomes: dict[str, str]) -> None:
    native = {
        name for name, metric in METRICS.items() if metric.installed and "museval" not in name
    }
    assert native | set(ORACLES) <= set(outcomes)


def test_a_tensor_left_on_the_cpu_would_be_found(outcomes: dict[str, str]) -> None:
    assert "a tensor of the CPU, (3,), meets one of privateuseone:0" in outcomes[FORGETFUL]
