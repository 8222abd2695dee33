"""On a GPU everything gives the CPU's numbers; skipped without one.

GAN_SEP_TEST_DEVICE names another device than cuda: `cpu` tries the tests themselves.
"""

import math
import os
from pathlib import Path

import on_another_device as cases
import pytest
import torch
from on_another_device import AUDIO, Case, received, tiny
from test_same_numbers import pair_records, recording
from torch import nn

DEVICE = torch.device(os.environ.get("GAN_SEP_TEST_DEVICE", "cuda"))

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        DEVICE.type == "cuda" and not torch.cuda.is_available(), reason="needs a GPU"
    ),
]


@pytest.fixture(autouse=True)
def _full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in float32 throughout: TF32 keeps ten bits of the mantissa."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def differences(all_cases: dict[str, Case]) -> dict[str, str]:
    """By name, where the device's numbers are not the CPU's."""
    found = {}
    for name, (function, inputs) in all_cases.items():
        expected = received(function(*inputs))
        try:
            there = received(function(*(value.to(DEVICE) for value in inputs)))
            torch.testing.assert_close(there, expected, rtol=1e-3, atol=1e-4, equal_nan=True)
        except (RuntimeError, TypeError, AssertionError, ValueError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def test_metrics_and_oracles_give_the_cpus_numbers() -> None:
    assert differences(cases.evaluation_cases()) == {}


def test_networks_and_losses_give_the_cpus_numbers() -> None:
    assert differences(cases.component_cases()) == {}


def test_open_unmix_gives_the_cpus_numbers() -> None:
    torch.manual_seed(0)
    network = tiny("generators", "open_unmix").build(AUDIO).eval()
    case = nn.Module.__call__, (network, torch.randn(2, 2, 3000))
    assert differences({"open_unmix": case}) == {}


def test_a_pair_begins_as_on_the_cpu(tmp_path: Path) -> None:
    recorded = recording()[0]["pair"]
    found = pair_records(tmp_path, "training.steps=6")
    for arm in recorded:
        for step in ("1", "2", "3"):
            for name, value in recorded[arm][step].items():
                there = found[arm][step][name]
                assert math.isclose(there, value, rel_tol=1e-2, abs_tol=1e-4), (arm, step, name)
