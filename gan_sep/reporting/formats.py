"""Numbers and counts in words and cells, the same in every table and figure."""

import html
import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from gan_sep.names import to_cell
from gan_sep.statistics.compare import Comparison
from gan_sep.statistics.pairing import BASELINE
from gan_sep.statistics.statistic import Statistic

ABSENT = "-"
_MARKUP = re.compile(r"([\\`*_\[\]#|~!])")
_DECIBEL_DIGITS = 2
_SIGNIFICANT_DIGITS = 4
_MOST_DIGITS = 8
_SMALLEST_P = 0.001


def level(value: float, digits: int = 2) -> str:
    """The number with so many decimals, or a dash where there is none."""
    return ABSENT if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 2) -> str:
    """So many decimals with the sign, or a dash where there is no number."""
    return ABSENT if math.isnan(value) else f"{value:+.{digits}f}"


def interval(low: float, high: float, digits: int = 2) -> str:
    """[low, high], or a dash where there is none."""
    if math.isnan(low) or math.isnan(high):
        return ABSENT
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def probability(p: float) -> str:
    """Three decimals, smaller ones as an upper limit, or a dash where there is none."""
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else level(p, 3)


def number_of_seeds(needed: float) -> str:
    """A whole number, "never" where no number of seeds is enough, or a dash where unknown."""
    return "never" if math.isinf(needed) else level(needed, 0)


def count(number: int, noun: str) -> str:
    """one seed, 3 seeds."""
    return f"one {noun}" if number == 1 else f"{number} {noun}s"


def enumerated(names: Sequence[object]) -> str:
    """0, 1, 2."""
    return ", ".join(map(str, names))


def plain_text(name: str) -> str:
    """A name from a file or a listener so that Markdown shows it as it is, on one line."""
    return _MARKUP.sub(r"\\\1", without_tags(name))


def without_tags(text: str) -> str:
    """Text from outside on one line of Markdown, which may hold emphasis but no HTML."""
    return html.escape(" ".join(text.split()), quote=False)


def fenced(text: str, language: str = "") -> str:
    """Text as a block of code, in a fence longer than any that it holds."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV in which no text is a formula, see `gan_sep.names.to_cell`."""
    safe = table.copy()
    for name in table.select_dtypes(include=["object", "string"]):
        safe[name] = table[name].map(to_cell)
    return safe.to_csv(index=False, lineterminator="\n")


def scale(statistic: Statistic) -> str:
    """Unit and direction: "dB, higher is better"."""
    direction = f"{statistic.better} is better"
    return f"{statistic.unit}, {direction}" if statistic.unit else direction


def decimals(comparison: Comparison) -> int:
    """Decimals of a statistic's numbers: two in dB, else four significant digits of the baseline.

    Some metrics have no scale of their own: the same table may hold 0.0003 or 5000.
    """
    sizes = np.abs(comparison.levels[BASELINE])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if comparison.statistic.unit.startswith("dB") or not len(sizes):
        return _DECIBEL_DIGITS
    leading = math.floor(math.log10(np.median(sizes)))  # 0 for 1 to 9.99
    return min(max(_SIGNIFICANT_DIGITS - 1 - leading, 0), _MOST_DIGITS)
