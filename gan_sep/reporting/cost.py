"""What an arm costs: its size, its training and how fast it separates, beside the plain one."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from gan_sep.evaluation.speed import real_time_factor
from gan_sep.reporting.formats import count, level
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, markdown_grid
from gan_sep.runs import reading_file
from gan_sep.statistics.pairing import BASELINE

_UNKNOWN = float("nan")


@dataclass(frozen=True)
class Cost:
    """The cost of an arm; NaN where nothing was recorded.

    parameters: of the generator, in millions. steps and training_minutes: all that were trained,
    without validation and checkpoints. seconds_per_step: the median after warm-up. peak_memory_mib:
    of training. real_time_factor: of separating the test tracks, see `gan_sep.evaluation.speed`.
    """

    parameters: float = _UNKNOWN
    steps: float = _UNKNOWN
    training_minutes: float = _UNKNOWN
    seconds_per_step: float = _UNKNOWN
    peak_memory_mib: float = _UNKNOWN
    real_time_factor: float = _UNKNOWN

    @classmethod
    def of(cls, run: ArmRun, after_step: int = 0) -> "Cost":
        """Of one arm of one seed; of the step times those after the given step."""
        size = run.environment.get("parameters", _UNKNOWN) / 1e6
        factor = real_time_factor(run.speeds())
        timing = run.timing
        if not timing:
            return cls(parameters=size, real_time_factor=factor)
        with reading_file(run.timing_file, "step times"):
            steps = np.array([line["step"] for line in timing])
            seconds = np.array(
                [line["seconds_per_step"] for line in timing]
            )  # means since the last
            late = seconds[steps > after_step]
            return cls(
                parameters=size,
                steps=float(steps[-1]),
                training_minutes=float(seconds @ np.diff(steps, prepend=0)) / 60,
                seconds_per_step=float(np.median(late)) if len(late) else _UNKNOWN,
                peak_memory_mib=max(line["peak_memory_mib"] for line in timing),
                real_time_factor=factor,
            )


def arm_costs(runs: Sequence[ArmRun]) -> dict[str, Cost]:
    """Arm -> its cost, the mean of its seeds.

    Step times are those after the longest warm-up, in which an adversarial arm costs what the plain
    one does.
    """
    after = longest_warmup(runs)
    by_arm: dict[str, list[Cost]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, []).append(Cost.of(run, after))
    return {
        arm: Cost(*np.mean([astuple(cost) for cost in costs], axis=0).tolist())
        for arm, costs in by_arm.items()
    }


def cost_section(costs: Mapping[str, Cost], runs: Sequence[ArmRun]) -> str:
    """Markdown: a line per arm, and step time and memory also as multiples of the plain arm's.

    costs: those of the runs, see `arm_costs`.
    """
    plain = costs.get(BASELINE, Cost())
    head = [
        "",
        "parameters, millions",
        "steps",
        "training, minutes",
        "seconds per step",
        "x plain",
        "peak memory, MiB",
        "x plain",
        "real-time factor",
    ]
    table = markdown_grid(head, [_line(arm, cost, plain) for arm, cost in costs.items()])
    return f"{table}\n\n{bullets(_remarks(runs))}\n"


def longest_warmup(runs: Sequence[ArmRun]) -> int:
    """The steps in which no discriminator of any arm acts yet; 0 where none has one."""
    return max(
        (
            int(run.config["adversarial"]["warmup_steps"])
            for run in runs
            if run.config["discriminator"]
        ),
        default=0,
    )


def _line(arm: str, cost: Cost, plain: Cost) -> list[str]:
    return [
        arm_name(arm),
        level(cost.parameters),
        level(cost.steps, digits=0),
        level(cost.training_minutes, digits=1),
        level(cost.seconds_per_step, digits=3),
        level(cost.seconds_per_step / plain.seconds_per_step),
        level(cost.peak_memory_mib, digits=0),
        level(cost.peak_memory_mib / plain.peak_memory_mib),
        level(cost.real_time_factor, digits=3),
    ]


def _remarks(runs: Sequence[ArmRun]) -> list[str]:
    """What each of the numbers counts."""
    warmup, seeds = longest_warmup(runs), len({run.seed for run in runs})
    after = f" after the warm-up of {count(warmup, 'step')}" if warmup else ""
    return [
        *([f"Each number is the mean of {count(seeds, 'seed')}."] if seeds > 1 else []),
        "Parameters are those of the generator, which is all that separation needs.",
        "Training minutes add up all steps, without validation and checkpoints; seconds per step "
        f"are medians{after}.",
        "Real-time factor: seconds of computing per second of music, the median of the test "
        "tracks, with all shifts of the evaluation; below 1 is faster than the music plays.",
    ]
