"""What a metric is, and what the files of metrics share."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_sep.statistics.statistic import Average, Statistic

Function = Callable[[Tensor, Tensor, int], Tensor]
"""references (S, C, T), estimates (S, C, T), sample rate -> (S,), NaN where there is no value."""

_OF_TRACKS: Mapping[Average, str] = {
    "median": "median of tracks",
    "mean": "mean of tracks",
    "weighted mean": "length-weighted mean",
}


@dataclass(frozen=True)
class Metric:
    """One entry of the registry: everything that tables, figures and settings know of a metric."""

    name: str  # in rows and in settings
    function: Function
    title: str  # in tables and figures
    group: str  # what settings may name to mean all metrics of the group
    unit: str = "dB"
    higher_is_better: bool = True
    zero_is_best: bool = False  # 0 is best from both sides: tracks' absolute values are averaged
    average: Average = "mean"  # how tracks become one number
    also: tuple[Average, ...] = ()  # further averages, statistics named NAME_AVERAGE
    statistic: str = ""  # the statistic's name where it is not the metric's
    beside: Mapping[str, Function] = field(default_factory=dict)  # further rows that go with it
    package: str = ""  # of others, which the library does not install and the metric needs

    @property
    def installed(self) -> bool:
        """Whether the package that it needs is there."""
        return not self.package or find_spec(self.package) is not None

    def statistics(self) -> list[Statistic]:
        """What arms are compared by."""
        better = "higher" if self.higher_is_better and not self.zero_is_best else "lower"
        names = [self.statistic or self.name, *(f"{self.name}_{average}" for average in self.also)]
        return [
            Statistic(
                name,
                self.name,
                average,
                f"{self.title}, {_OF_TRACKS[average]}",
                self.unit,
                better,  # type: ignore[arg-type]
                self.zero_is_best,
            )
            for name, average in zip(names, (self.average, *self.also), strict=True)
        ]


def whole_track(function: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """A metric that needs no sample rate."""
    return lambda references, estimates, _: function(references, estimates)


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Remembers the last outcome while its two signals live, so that a family is computed once."""
    last: dict[str, Any] = {}

    def remembered(references: Tensor, estimates: Tensor, *rest: int) -> Any:
        signals = (references, estimates)
        # An identity holds while the signal lives; a change in place makes another version.
        key = (*rest, *(id(s) for s in signals), *(s._version for s in signals))
        if last.get("key") != key or not all(ref() is not None for ref in last["alive"]):
            last["outcome"] = function(*signals, *rest)
            last["key"], last["alive"] = key, [weakref.ref(signal) for signal in signals]
        return last["outcome"]

    return remembered


def median_of_frames(frame_scores: Tensor) -> Tensor:
    """The median of each source's frames, NaN frames left out: (S, N) -> (S,), float64.

    Of an even number of frames it is the mean of the middle two, as in museval and unlike
    torch.nanmedian; NaN where no frame is left.
    """
    scores = frame_scores.cpu().numpy()
    some = ~np.isnan(scores).all(-1)  # (S,)
    medians = np.full(len(scores), np.nan)
    medians[some] = np.nanmedian(scores[some], axis=-1)
    return torch.from_numpy(medians).to(frame_scores.device)
