"""Where the page draws differences: an axis in percent of its width, and dots that keep apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from gan_sep.reporting.comparison_figure import side_steps
from gan_sep.reporting.formats import signed

_MARGIN = 0.06
_MOST_TICKS = 7
# `side_steps` spreads dots over less than one unit; a strip is that many pixels high.
_STRIP_PIXELS = 52


class Dot(NamedTuple):
    """A track's difference: x in percent of the axis, y in pixels from the strip's middle."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A horizontal axis of differences; it holds 0."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Self:
        """An axis that holds 0 and all values that are numbers, with a margin."""
        known = [value for value in values if np.isfinite(value)]
        low, high = min([0.0, *known]), max([0.0, *known])
        margin = _MARGIN * (high - low) or 1.0
        return cls(low - margin, high + margin)

    def place(self, value: float) -> float:
        """Percent of the axis' width."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers: (percent, text)."""
        values = MaxNLocator(_MOST_TICKS, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        step = values[1] - values[0]
        digits = max(0, -int(np.floor(np.log10(step) + 1e-9)))
        return [
            (self.place(value), f"{value:+.{digits}f}" if abs(value) > step / 2 else "0")
            for value in values
            if self.low <= value <= self.high
        ]


def interval_axis(lines: pd.DataFrame) -> Axis:
    """For the differences of all arms with their intervals and seeds."""
    ends = lines[["low", "high", "difference"]].to_numpy().flat
    return Axis.over([*ends, *np.concatenate(list(lines["seed_differences"]))])


def track_axis(lines: pd.DataFrame) -> Axis:
    """For the differences of single tracks."""
    return Axis.over(np.concatenate(list(lines["track_differences"])))


def track_dots(axis: Axis, line: Mapping[Any, Any]) -> list[Dot]:
    """The tracks that count for a line."""
    differences = line["track_differences"]  # (tracks,)
    known = np.flatnonzero(np.isfinite(differences)).tolist()
    offsets = side_steps(differences[known]) * _STRIP_PIXELS
    return [
        Dot(axis.place(value), round(offset, 1),
            f"{line['tracks'][track]}: {signed(value, line['digits'])}")
        for track, value, offset in zip(known, differences[known], offsets, strict=True)
    ]  # fmt: skip
