"""What an arm costs: step time and peak memory against the plain one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_sep.evaluation.pairing import BASELINE
from gan_sep.reporting.formats import count, level
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_name
from gan_sep.reporting.tables import markdown_grid


@dataclass(frozen=True)
class Cost:
    """Median seconds per step and peak memory in MiB; NaN where nothing was recorded."""

    seconds_per_step: float
    peak_memory_mib: float

    @classmethod
    def of(cls, timing: Sequence[Mapping[str, Any]], after_step: int = 0) -> "Cost":
        """From the lines of timing.jsonl; of the step times those after the given step."""
        seconds = [line["seconds_per_step"] for line in timing if line["step"] > after_step]
        memory = [line.get("peak_memory_mib", np.nan) for line in timing]
        return cls(
            float(np.median(seconds)) if seconds else float("nan"),
            max(memory, default=float("nan")),
        )


UNKNOWN = Cost(float("nan"), float("nan"))


def cost_section(runs: Sequence[ArmRun]) -> str:
    """Markdown: a line per seed and arm, in absolute numbers and as multiples of the plain arm's.

    Step times are those after the longest warm-up, in which an adversarial arm costs what the plain
    one does.
    """
    longest = max((warmup_steps(run) for run in runs), default=0)
    costs = {(run.seed, run.arm): Cost.of(run.timing(), longest) for run in runs}
    lines = [
        _line(f"{arm_name(arm)}, seed {seed}", cost, costs.get((seed, BASELINE), UNKNOWN))
        for (seed, arm), cost in costs.items()
    ]
    head = ["", "seconds per step", "x plain", "peak memory, MiB", "x plain"]
    remark = f" after the warm-up of {count(longest, 'step')}" if longest else ""
    return f"{markdown_grid(head, lines)}\n\nStep times are medians{remark}.\n"


def warmup_steps(run: ArmRun) -> int:
    """The steps in which the discriminators do not act yet; none where the arm has none."""
    return int(run.config["adversarial"]["warmup_steps"]) if run.config["discriminator"] else 0


def _line(name: str, cost: Cost, plain: Cost) -> list[str]:
    return [
        name,
        level(cost.seconds_per_step, digits=3),
        level(cost.seconds_per_step / plain.seconds_per_step),
        level(cost.peak_memory_mib, digits=0),
        level(cost.peak_memory_mib / plain.peak_memory_mib),
    ]
