"""gpu.sh on the CPU, its time limits, and its table."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import gpu

SCRIPT = Path(gpu.__file__).with_name("gpu.sh")
CPU = torch.device("cpu")


def test_all_sections_together_take_under_nine_minutes() -> None:
    assert set(gpu.LIMITS) == set(gpu.SECTIONS)
    assert sum(gpu.LIMITS.values()) < 9 * 60


@pytest.mark.slow
def test_a_command_is_ended_at_its_limit_with_all_that_it_started(tmp_path: Path) -> None:
    sign = tmp_path / "written late"
    grandchild = f"sleep 2; touch '{sign}'"
    started = time.monotonic()
    said = gpu.limited(["bash", "-c", f"({grandchild}) & wait"], seconds=0.3)
    assert said == "not finished in 0 s"
    assert time.monotonic() - started < 1.5
    time.sleep(2.2)
    assert not sign.exists()


def test_what_a_failing_command_says_is_kept() -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no device')"]
    assert gpu.limited(failing, seconds=30) == "no device"
    assert gpu.limited(["true"], seconds=30) == ""


def test_a_failed_section_is_a_row_and_the_others_stand() -> None:
    sections: Any = {
        "tests": {"error": "Traceback\nno | device", "rows": []},
        "steps": {"error": "", "rows": [{"case": "small", "measure": "gan, s", "value": 0.25}]},
    }
    found = {"machine": "a card", "commit": "abc", "sections": sections}
    assert gpu.table(found).markdown().splitlines()[2:6] == [
        "| section | case | measure | value |",
        "| --- | --- | --- | --- |",
        "| tests |  | error | no \\| device |",
        "| steps | small | gan, s | 0.25 |",
    ]


def test_steps_fill_two_minutes_between_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Known:
        seconds = 0.02

        def median(self, arm: str) -> float:
            return self.seconds

    monkeypatch.setattr(gpu, "arm_step", lambda *_, **__: None)
    monkeypatch.setattr(gpu, "interleave", lambda *_: Known())
    assert gpu._steps_of_two_minutes(CPU) == 2500
    Known.seconds = 1e-6
    assert gpu._steps_of_two_minutes(CPU) == gpu.MOST_STEPS
    Known.seconds = 10.0
    assert gpu._steps_of_two_minutes(CPU) == gpu.LEAST_STEPS


@pytest.mark.slow
def test_the_command_runs_on_the_cpu_and_writes_json_and_table(tmp_path: Path) -> None:
    ended = subprocess.run(
        [SCRIPT, "--device", "cpu", "--quick", "--out", tmp_path],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    sections = json.loads((tmp_path / "gpu.json").read_text())["sections"]
    assert list(sections) == list(gpu.SECTIONS)
    values = {
        (name, row["measure"]): row["value"]
        for name, section in sections.items()
        for row in section["rows"]
    }
    assert values["tests", "tests"] >= 4
    assert values["tests", "skipped"] == 0
    assert values["bss_eval", "largest difference, dB"] == 0  # the device is the CPU
    assert values["steps", "gan, s"] > 0
    assert values["pair", "uSDR of gan, dB"] != values["pair", "uSDR of plain, dB"]
    assert (tmp_path / "gpu.md").read_text() in ended.stdout
