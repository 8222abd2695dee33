"""One study as a part of an overview: its arms, what discriminators knew, what arms gained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from gan_sep.reporting.effects import compared, names
from gan_sep.reporting.frame import knowledge
from gan_sep.reporting.runs import all_rows
from gan_sep.reporting.study import Study, effects_of
from gan_sep.statistics.compare import ALL

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
        return names(compared(self.shown).index.to_series())

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Arm -> All of the figures' statistic. Raises ValueError where it was not evaluated."""
        if SHOWN not in self.study.statistics:
            raise ValueError(
                f"{self.report}: expected the metric sdr among evaluation.metrics, which an "
                f"overview rests on, got {', '.join(self.study.statistics)}"
            )
        lines = self.study.chosen((SHOWN,))
        return lines[lines["source"] == ALL].set_index("arm")

    def of_all(self, statistics: Iterable[str]) -> pd.DataFrame:
        """All of the named statistics that are there, of the arms held against the plain one."""
        lines = compared(self.study.chosen(statistics))
        return lines[lines["source"] == ALL]

    @cached_property
    def knowledge(self) -> pd.DataFrame:
        """What each arm's discriminators knew at the end; NaN of an arm without any."""
        return knowledge(self.study.frame).reindex(list(self.arms))

    @cached_property
    def validation(self) -> pd.DataFrame:
        """The same of the validation tracks, by which arms are chosen.

        Empty where not all arms were evaluated on them.
        """
        runs = self.study.runs
        if not all(run.rows_file("valid").is_file() for run in runs):
            return self.of_all(())
        lines = compared(effects_of(all_rows(runs, "valid")))
        return lines[lines["source"] == ALL]
