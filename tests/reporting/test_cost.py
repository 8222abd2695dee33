"""What arms cost: parameters, minutes, steps, memory, speed; and systems side by side with it."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose

from gan_sep.evaluation.metrics import statistics
from gan_sep.evaluation.rows import TrackSpeed, write_table
from gan_sep.reporting.cost import cost_section, cost_sentence
from gan_sep.reporting.effects import effects
from gan_sep.reporting.frame import COSTS, cost_of, costs, frame_of, longest_warmup
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.systems import systems, systems_table
from gan_sep.statistics.compare import Comparison, Effect

ROWS = Path("evaluation", "test", "rows.csv")

AUDIO = {"sample_rate": 16000, "channels": 1, "sources": ["music", "voice"]}


def write_run(
    folder: Path, arm: str, seconds: Sequence[float], memory: float = 1000.0, seed: int = 0
) -> ArmRun:
    """A run that wrote its step times down every ten steps, the last after five."""
    run = ArmRun(folder / f"seed{seed}-{arm}", seed, arm)
    (run.folder / ROWS).parent.mkdir(parents=True)
    config = {
        "audio": AUDIO,
        "discriminator": {"name": "spectrogram"} if arm == "gan" else None,
        "adversarial": {"warmup_steps": 20},
    }
    (run.folder / "config.yaml").write_text(yaml.safe_dump(config))
    (run.folder / "environment.json").write_text(json.dumps({"parameters": 1_500_000}))
    steps = [*range(10, 10 * len(seconds), 10), 10 * len(seconds) - 5]
    lines = [
        {"step": step, "seconds_per_step": value, "peak_memory_mib": memory + step}
        for step, value in zip(steps, seconds, strict=True)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run.folder / "timing.jsonl").write_text(text)
    return run


def arm_costs(runs: Sequence[ArmRun]) -> pd.DataFrame:
    return costs(frame_of(runs, pd.DataFrame()))


def write_factors(run: ArmRun, *factors: float) -> None:
    speeds = [TrackSpeed(str(place), 2.0, 2 * factor) for place, factor in enumerate(factors)]
    write_table(run.speed_file(), TrackSpeed._fields, speeds)


@pytest.fixture
def runs(tmp_path: Path) -> list[ArmRun]:
    plain = write_run(tmp_path, "plain", [9, 0.5, 0.5, 0.5])
    gan = write_run(tmp_path, "gan", [9, 0.5, 1.0, 0.75], memory=1252.5)
    write_factors(plain, 0.5, 0.1, 0.2)
    return [plain, gan]


def test_training_minutes_add_up_all_steps_and_the_last_record_counts_its_own(
    runs: list[ArmRun],
) -> None:
    plain, gan = pd.Series(cost_of(runs[0])), pd.Series(cost_of(runs[1]))
    assert (plain.steps, gan.steps) == (35, 35)
    assert plain.training_minutes == pytest.approx((10 * 9 + 25 * 0.5) / 60)
    assert gan.training_minutes == pytest.approx((10 * 9 + 10 * 0.5 + 10 * 1 + 5 * 0.75) / 60)


def test_a_step_is_the_median_after_the_warmup_of_the_adversarial_arm(runs: list[ArmRun]) -> None:
    assert longest_warmup(runs) == 20
    assert arm_costs(runs)["seconds_per_step"].to_dict() == {"plain": 0.5, "gan": 0.875}
    assert longest_warmup(runs[:1]) == 0
    assert cost_of(runs[0])["seconds_per_step"] == 0.5


def test_parameters_are_those_that_training_recorded(runs: list[ArmRun]) -> None:
    assert cost_of(runs[0])["parameters"] == 1.5
    (runs[1].folder / "environment.json").write_text("{}")  # of a version that did not
    assert math.isnan(cost_of(runs[1])["parameters"])


def test_the_cost_section_has_a_line_per_arm_beside_the_plain_one(runs: list[ArmRun]) -> None:
    section = cost_section(arm_costs(runs), runs)
    head, _, plain, gan = section.splitlines()[:4]
    assert head.split(" | ")[1:4] == ["parameters, millions", "steps", "training, minutes"]
    assert plain == "| plain | 1.50 | 35 | 1.7 | 0.500 | 1.00 | 1035 | 1.00 | 0.200 |"
    assert gan == "| GAN | 1.50 | 35 | 1.8 | 0.875 | 1.75 | 1288 | 1.24 | - |"
    assert "after the warm-up of 20 steps" in section
    assert "mean of" not in section


def test_of_several_seeds_the_mean_is_told(runs: list[ArmRun], tmp_path: Path) -> None:
    second = write_run(tmp_path, "plain", [9, 1.5, 1.5, 1.5], seed=1)
    write_factors(second, 0.6)
    found = arm_costs([*runs, second])
    assert found["seconds_per_step"]["plain"] == 1.0
    assert found["real_time_factor"]["plain"] == pytest.approx(0.4)
    assert "Each number is the mean of 2 seeds." in cost_section(found, [*runs, second])
    assert cost_sentence(found) == "Cost of training, 35 steps: plain 1.9 minutes, GAN 1.8 minutes."


def test_a_cost_that_nobody_measured_is_a_dash(runs: list[ArmRun]) -> None:
    for run in runs:
        (run.folder / "timing.jsonl").unlink()
    assert "| GAN | 1.50 | - | - | - | - | - | - | - |" in cost_section(arm_costs(runs), runs)


def three_arms() -> Comparison:
    """One source and All; of the two arms held against the plain one the first is better."""

    def effect(difference: float, verdict: str) -> Effect:
        values = np.full(2, difference)
        return Effect(
            difference=values,
            low=values - 0.25,
            high=values + 0.25,
            seed_differences=values[None],
            track_differences=values[None],
            verdicts=(verdict, verdict),
            p_values=np.full(2, 0.5),
            seed_deviation=np.full(2, math.nan),
            seeds_needed={},
        )

    changes = {"gan": effect(1.0, "better"), "wave_unet": effect(0.0, "undecided")}
    levels = {"mixture": -1.0, "plain": 4.0, "gan": 5.0, "wave_unet": 4.0, "irm1": 9.0}
    return Comparison(
        statistic=statistics()["usdr"],
        baseline="plain",
        seeds=(0,),
        tracks=("a",),
        sources=("voice",),
        levels={arm: np.full(2, value) for arm, value in levels.items()},
        effects=changes,
        left_out={"voice": ()},
        removed={},
    )


def test_systems_stand_side_by_side_with_what_they_cost() -> None:
    known = {"plain": (4.16, 3000, 9.98, 0.2, 1000, 0.05), "gan": (4.16, *[math.nan] * 5)}
    table = pd.DataFrame(known, index=list(COSTS)).T
    lines = systems_table(effects([three_arms()]), table).splitlines()
    assert lines[0].startswith("**uSDR (whole tracks), mean of tracks, dB, higher is better")
    assert lines[2] == (
        "|  | voice | All | All - plain | 95 % interval | verdict | parameters, millions "
        "| training, minutes | real-time factor |"
    )
    assert lines[4:] == [
        "| mixture | -1.00 | -1.00 | - | - | - | - | - | - |",
        "| plain | 4.00 | 4.00 | - | - | - | 4.16 | 10.0 | 0.050 |",
        "| GAN | 5.00 | 5.00 | +1.00 | [+0.75, +1.25] | **better** | 4.16 | - | - |",
        "| Wave-U-Net | 4.00 | 4.00 | +0.00 | [-0.25, +0.25] | undecided | - | - | - |",
    ]


def test_one_arm_beside_the_plain_one_needs_no_summary() -> None:
    three = three_arms()
    two = replace(three, effects={"gan": three.effects["gan"]})
    assert systems_table(effects([two]), pd.DataFrame()) == ""


def test_oracles_are_no_systems() -> None:
    found = list(systems(effects([three_arms()]), pd.DataFrame()))
    assert [s.arm for s in found] == ["mixture", "plain", "gan", "wave_unet"]
    assert_allclose([float(s.levels[-1]) for s in found], [-1, 4, 5, 4])
