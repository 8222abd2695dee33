"""A study as one long table: every number that tables, figures, Markdown and the page show.

    kind     test: a row of the evaluation; record: what training wrote down; cost: of a whole run
    seed, arm, step, track, source, metric, value   empty where they say nothing

Metrics of records are paths, train/loss/l1, valid/usdr, diagnosis/accuracy/train; a source in such
a path, or All, is the column `source`. From runs and from what is committed the table is the same
but for records that are left out there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gan_sep.reporting.runs import ArmRun
from gan_sep.runs import reading_file
from gan_sep.statistics.compare import ALL

COLUMNS = ("kind", "seed", "arm", "step", "track", "source", "metric", "value")
COSTS = (
    *("parameters", "steps", "training_minutes", "seconds_per_step"),
    *("peak_memory_mib", "real_time_factor"),
)
"""Millions of the generator's parameters; steps trained and their minutes, without validation and
checkpoints; the median step after the longest warm-up, in which an adversarial arm costs what the
plain one does; memory of training; see `ArmRun.real_time_factor`."""

KNOWLEDGE = {
    "train": "diagnosis/accuracy/train",
    "held_out": "diagnosis/accuracy/held_out",
    "r_v": "diagnosis/r_v",
    "overlap": "diagnosis/overlap/real_fake_valid",
}
"""What discriminators knew, see `gan_sep.adversarial.diagnostics`; overlap: of the histograms of
real and estimated held-out material."""


def frame_of(runs: Sequence[ArmRun], rows: pd.DataFrame) -> pd.DataFrame:
    """The table of a study. rows: those of its evaluation, see `gan_sep.reporting.runs.all_rows`.

    Raises ValueError where a run's files are damaged.
    """
    after = longest_warmup(runs)
    lines: list[tuple[Any, ...]] = []
    for run in runs:
        lines += [("record", run.seed, run.arm, *line) for line in _recorded(run)]
        cost = run.stored_cost or cost_of(run, after)
        lines += [("cost", run.seed, run.arm, -1, "", *line) for line in cost.items()]
    table = pd.DataFrame(lines, columns=[name for name in COLUMNS if name != "track"])
    parts = [rows.assign(kind="test", step=-1), table.assign(track="")]
    return pd.concat([part[list(COLUMNS)] for part in parts if len(part)], ignore_index=True)


def longest_warmup(runs: Sequence[ArmRun]) -> int:
    """The steps in which no discriminator of any arm acts yet; 0 where none has one."""
    adversarial = [run.config["adversarial"] for run in runs if run.config["discriminator"]]
    return max((int(settings["warmup_steps"]) for settings in adversarial), default=0)


def cost_of(run: ArmRun, after_step: int = 0) -> dict[str, float]:
    """COSTS of a run, NaN where nothing was recorded; of step times those after the given step."""
    found = dict.fromkeys(COSTS, np.nan)
    found["parameters"] = run.environment.get("parameters", np.nan) / 1e6
    found["real_time_factor"] = run.real_time_factor()
    if timing := run.timing:
        with reading_file(run.timing_file, "step times"):
            steps = np.array([line["step"] for line in timing])
            seconds = np.array([line["seconds_per_step"] for line in timing])  # since the last
            late = seconds[steps > after_step]
            found["steps"] = float(steps[-1])
            found["training_minutes"] = float(seconds @ np.diff(steps, prepend=0)) / 60
            found["seconds_per_step"] = float(np.median(late)) if len(late) else np.nan
            found["peak_memory_mib"] = max(line["peak_memory_mib"] for line in timing)
    return found


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Arm -> COSTS, the mean of its seeds; NaN where a seed lacks a number."""
    found = frame[frame["kind"] == "cost"]
    sums = found.groupby(["arm", "metric"], sort=False)["value"].agg(lambda v: v.to_numpy().mean())
    arms = list(dict.fromkeys(found["arm"]))
    return sums.unstack().reindex(index=arms, columns=list(COSTS))


def knowledge(frame: pd.DataFrame) -> pd.DataFrame:
    """Arm -> KNOWLEDGE at the last diagnosis, the mean of sources and then of seeds.

    Of the numbers there are; NaN where there is none.
    """
    found = frame[(frame["kind"] == "record") & frame["metric"].str.startswith("diagnosis/")]
    last = found[found["step"] == found.groupby(["seed", "arm"])["step"].transform("max")]
    by_seed = last.pivot_table(index=["arm", "seed"], columns="metric", values="value", sort=False)
    by_seed = by_seed.reindex(columns=list(KNOWLEDGE.values())).set_axis(list(KNOWLEDGE), axis=1)
    return by_seed.groupby(level="arm", sort=False).mean()


def _recorded(run: ArmRun) -> Iterator[tuple[int, str, str, float]]:
    """Step, source, metric and value of everything that training recorded."""
    names = (*run.config["audio"]["sources"], ALL)
    for kind in ("train", "valid", "diagnosis"):
        for record in run.records(kind):
            content = {key: value for key, value in record.items() if key not in ("step", "kind")}
            for source, metric, value in leaves(content, names):
                yield record["step"], source, f"{kind}/{metric}", value


def leaves(
    tree: Any, sources: Sequence[str], source: str = "", metric: str = ""
) -> Iterator[tuple[str, str, float]]:
    """Source, path and value of the numbers in nested mappings; lists are passed over."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in sources:
                yield from leaves(value, sources, key, metric)
            else:
                below = metric if key == "sources" else f"{metric}/{key}".lstrip("/")
                yield from leaves(value, sources, source, below)
    elif isinstance(tree, (int, float)):
        yield source, metric, float(tree)
