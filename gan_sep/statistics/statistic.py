"""A statistic that arms are compared by: how the tracks' values of a metric become one number."""

from dataclasses import dataclass
from typing import Literal

Average = Literal["median", "mean", "weighted mean"]


@dataclass(frozen=True)
class Statistic:
    """How the tracks' values of one metric become one number per source."""

    name: str
    metric: str  # the metric of the rows
    average: Average  # over tracks; weighted: by their lengths, in rows of the metric `seconds`
    title: str
    unit: str = "dB"
    better: Literal["higher", "lower"] = "higher"
    distance_from_zero: bool = False  # 0 is best from both sides: absolute values are averaged
