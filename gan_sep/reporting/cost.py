"""What arms cost, as a table: size, training, and how fast they separate, beside the plain one."""

from collections.abc import Sequence

import pandas as pd

from gan_sep.reporting.formats import count, level
from gan_sep.reporting.frame import longest_warmup
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import bullets, markdown_grid
from gan_sep.statistics.pairing import BASELINE

_HEAD = (
    *("", "parameters, millions", "steps", "training, minutes", "seconds per step", "x plain"),
    *("peak memory, MiB", "x plain", "real-time factor"),
)


def cost_section(costs: pd.DataFrame, runs: Sequence[ArmRun]) -> str:
    """Markdown: a line per arm, and step time and memory also as multiples of the plain arm's.

    costs: those of the runs, see `gan_sep.reporting.frame.costs`.
    """
    plain = costs.loc[BASELINE]
    lines = [
        [
            arm_name(str(arm)),
            level(cost["parameters"]),
            level(cost["steps"], digits=0),
            level(cost["training_minutes"], digits=1),
            level(cost["seconds_per_step"], digits=3),
            level(cost["seconds_per_step"] / plain["seconds_per_step"]),
            level(cost["peak_memory_mib"], digits=0),
            level(cost["peak_memory_mib"] / plain["peak_memory_mib"]),
            level(cost["real_time_factor"], digits=3),
        ]
        for arm, cost in costs.iterrows()
    ]
    return f"{markdown_grid(_HEAD, lines)}\n\n{bullets(_remarks(runs))}\n"


def cost_sentence(costs: pd.DataFrame) -> str:
    """What training cost, an arm after the other; empty where nobody measured."""
    known = costs.dropna(subset="training_minutes")
    each = (
        f"{arm_name(str(arm))} {level(cost['training_minutes'], 1)} minutes"
        for arm, cost in known.iterrows()
    )
    steps = ", ".join(dict.fromkeys(level(number, 0) for number in known["steps"]))
    return f"Cost of training, {steps} steps: {', '.join(each)}." if len(known) else ""


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
