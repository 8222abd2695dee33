"""The benchmark's arithmetic by hand, and runs of its sections at the smallest size."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import bss_eval_speed, sdr_speed
from benchmarks.sections import SECTIONS
from benchmarks.settings import QUICK
from benchmarks.steps import arm_step, plain_step
from benchmarks.table import Table
from benchmarks.timing import Timings, Work, interleave, peak_memory
from gan_sep.config.run import Adversarial

CPU = torch.device("cpu")
PROGRAM = Path(__file__).parents[2] / "experiments" / "benchmark.py"


def test_a_ratio_is_the_median_within_rounds() -> None:
    timings = Timings({"a": np.array([1.0, 10.0, 3.0]), "b": np.array([2.0, 5.0, 3.0])})
    assert timings.median("a") == 3.0
    assert timings.ratio("a", "b") == 1.0  # of 1/2, 2 and 1


def test_contenders_take_turns_and_the_first_turn_is_not_counted() -> None:
    turns: list[str] = []
    works = {name: partial(turns.append, name) for name in "ab"}
    timings = interleave(works, rounds=3, device=CPU)
    assert "".join(turns) == "ab" * 4
    assert len(timings.seconds["a"]) == 3


def test_no_round_to_count_is_refused() -> None:
    with pytest.raises(ValueError, match="rounds: expected at least 1, got 0"):
        interleave({}, rounds=0, device=CPU)


def allocate(megabytes: int) -> Work:
    return lambda: torch.ones(megabytes * 2**18).sum()


@pytest.mark.slow
def test_peak_memory_counts_what_the_work_takes() -> None:
    assert 190 < peak_memory(partial(allocate, 200), CPU) < 260


def test_a_table_is_written_with_three_significant_digits() -> None:
    table = Table("Steps", [{"setting": "small", "time, s": 0.123456, "MiB": 12345.6}], "As is.")
    assert table.markdown() == (
        "## Steps\n\n| setting | time, s | MiB |\n| --- | --- | --- |\n"
        "| small | 0.123 | 12346 |\n\nAs is.\n"
    )


def test_columns_come_as_they_appear_and_a_row_need_not_have_them_all() -> None:
    table = Table("Steps", [{"setting": "alone", "ours, s": 1.0}, {"setting": "two", "peer, s": 2}])
    assert table.markdown().splitlines()[2:-1] == [
        "| setting | ours, s | peer, s |",
        "| --- | --- | --- |",
        "| alone | 1 | - |",
        "| two | - | 2 |",
        "",
    ]


def test_a_plain_step_returns_the_l1_loss_and_lowers_it() -> None:
    setting = QUICK
    torch.manual_seed(0)
    network = setting.generator.build(setting.audio)
    sources = setting.sources(CPU)
    torch.manual_seed(0)
    step = plain_step(setting, CPU)
    first = step()
    assert first == pytest.approx((network(sources.sum(1)) - sources).abs().mean().item())
    assert step() < first


def test_an_arm_steps_on_from_where_its_discriminator_begins_to_act(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    class Recorder:
        def __init__(self, *_: object) -> None: ...

        def __call__(self, micro_batches: object, step: int) -> None:
            seen.append(step)

    monkeypatch.setattr("benchmarks.steps.TrainingStep", Recorder)
    setting = replace(QUICK, adversarial=Adversarial(warmup_steps=5))
    work = arm_step(setting, CPU, gan=True)
    for _ in range(3):
        work()
    assert seen == [5, 6, 7]


def test_a_missing_museval_is_said_in_the_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("museval is not installed")

    monkeypatch.setattr(sdr_speed, "museval_bss_eval", missing)
    table = SECTIONS["sdr"](True, 1, CPU)
    assert not table.rows
    assert "museval is not installed" in table.remark


def test_bss_eval_without_museval_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("museval is not installed")

    monkeypatch.setattr(bss_eval_speed, "museval_bss_eval", missing)
    monkeypatch.setattr(bss_eval_speed, "peak_memory", lambda *_: 0.0)
    table = SECTIONS["bss_eval"](True, 1, CPU)
    assert not table.rows
    assert "museval is not installed" in table.remark


def test_a_lossy_clip_has_an_empty_band() -> None:
    clip = bss_eval_speed.Clip(QUICK.audio, seconds=1, lossy=True)
    references, estimates = clip.signals()
    spectra = torch.fft.rfft(references).abs()
    assert spectra[..., 1501:].max() < 1e-4 * spectra[..., :1500].mean()
    assert not torch.equal(references, estimates)


@pytest.mark.slow
def test_bss_eval_is_compared_in_time_and_memory() -> None:
    rows = SECTIONS["bss_eval"](True, 1, CPU).rows
    assert [str(row["clip"])[:2] for row in rows] == ["v4", "v3"]
    for row in rows:
        assert float(row["museval / gan_sep"]) > 0
        assert float(row["museval, MiB"]) > float(row["gan_sep, MiB"]) > 0
        assert float(row["largest difference, dB"]) < 1e-6


@pytest.mark.slow
def test_the_arms_are_compared_in_time_and_memory() -> None:
    (row,) = SECTIONS["gan_step"](True, 1, CPU).rows
    assert float(row["time gan / plain"]) > 0
    assert float(row["memory gan / plain"]) > 0


@pytest.mark.slow
def test_the_fast_sdr_is_compared_with_the_same_numbers_of_museval() -> None:
    (row,) = SECTIONS["sdr"](True, 1, CPU).rows
    assert float(row["museval / sdr"]) > 0
    assert float(row["largest difference, dB"]) < 1e-6


@pytest.mark.slow
def test_the_program_prints_and_writes_the_same_table(tmp_path: Path) -> None:
    out = tmp_path / "new" / "benchmark.json"
    done = subprocess.run(
        [sys.executable, PROGRAM, "data", "--quick", "--rounds", "1", "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    section = json.loads(out.read_text())["sections"]["data"]
    assert done.stdout.endswith(Table(**section).markdown() + "\n")


@pytest.mark.slow
def test_an_unknown_section_is_refused_with_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "stpe"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"expected some of {', '.join(SECTIONS)}, got stpe" in done.stderr
