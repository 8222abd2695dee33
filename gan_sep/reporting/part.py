"""One study as a part of an overview: its arms, what discriminators knew, what arms gained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from gan_sep.evaluation.metrics import available
from gan_sep.reporting.frame import knowledge
from gan_sep.reporting.runs import all_rows
from gan_sep.reporting.study import Study
from gan_sep.statistics.compare import Comparison, compare

# The statistic that an overview's figures show, and the first in its tables.
SHOWN = "sdr_mean"


@dataclass(frozen=True)
class Part:
    """A study and the folder of its own report."""

    study: Study
    report: Path

    @property
    def name(self) -> str:
        """What the study is called: as its report."""
        return self.report.name

    @property
    def paired(self) -> int:
        """How many training tracks reconstruction learns from."""
        return int(self.study.runs[0].environment["tracks"]["of them paired"])

    @property
    def arms(self) -> Sequence[str]:
        """Those that are held against the plain one, as the study orders them."""
        return list(self.shown.effects)

    @property
    def shown(self) -> Comparison:
        """The statistic of the figures. Raises ValueError where it was not evaluated."""
        comparisons = self.study.comparisons
        if SHOWN not in comparisons:
            raise ValueError(
                f"{self.report}: expected the metric sdr among evaluation.metrics, which an "
                f"overview rests on, got {', '.join(comparisons)}"
            )
        return comparisons[SHOWN]

    @cached_property
    def knowledge(self) -> pd.DataFrame:
        """What each arm's discriminators knew at the end; NaN of an arm without any."""
        return knowledge(self.study.frame).reindex(list(self.arms))

    @cached_property
    def validation(self) -> Mapping[str, Comparison]:
        """Every statistic of the validation tracks, by name, by which arms are chosen among.

        Empty where not all arms were evaluated on them.
        """
        runs = self.study.runs
        if not all(run.has_rows("valid") for run in runs):
            return {}
        rows = all_rows(runs, "valid")
        return {statistic.name: compare(rows, statistic) for statistic in available(rows["metric"])}
