"""The metrics: a file of this folder lists its own as `METRICS`, and everything else reads them.

A metric added to such a file, or in a new one, can be named in `evaluation.metrics`, and has its
rows, its line in the tables and its place in the figures.
"""

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from gan_sep.evaluation.metrics.base import Metric
from gan_sep.evaluation.metrics.bsseval import bss_eval
from gan_sep.evaluation.metrics.bsseval_v3 import bss_eval_v3
from gan_sep.evaluation.metrics.ratios import sdr, si_sdr, usdr
from gan_sep.statistics.statistic import Statistic

__all__ = ["METRICS", "Metric", "bss_eval", "bss_eval_v3", "sdr", "si_sdr", "usdr"]

RATIOS = ("ratios", "museval", "bss_eval", "bss_v3", "museval_v3")
"""The groups of SDR and its parts; all others tell what these do not."""

# Groups in this order come first in tables.
_ORDER = (*RATIOS, "perceptual", "spectral", "levels", "onsets", "practice")


def discover() -> dict[str, Metric]:
    """The metrics of all files of this folder, by name, in the order of tables.

    Raises ValueError where two have one name, or one the name of a group.
    """
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg]
    modules = [import_module(f"{__name__}.{n}") for n in names if n not in ("base", "__main__")]
    found = [metric for module in modules for metric in module.METRICS]
    found.sort(key=lambda m: _ORDER.index(m.group) if m.group in _ORDER else len(_ORDER))
    taken = [metric.name for metric in found] + sorted({metric.group for metric in found})
    if twice := [name for name in taken if taken.count(name) > 1]:
        raise ValueError(f"metrics: the name {twice[0]!r} is taken twice, by metrics or a group")
    return {metric.name: metric for metric in found}


METRICS = discover()
"""Every metric by name."""


def choices() -> list[str]:
    """What settings may name: metrics and groups."""
    return [*METRICS, *dict.fromkeys(metric.group for metric in METRICS.values())]


def chosen(names: Iterable[str]) -> dict[str, Metric]:
    """The metrics that names of metrics and groups mean, each once, in the order of the names.

    Raises ValueError on an unknown name.
    """
    found: dict[str, Metric] = {}
    for name in names:
        meant = [m for m in METRICS.values() if name in (m.name, m.group)]
        if not meant:
            raise ValueError(f"expected some of {', '.join(choices())}, got {name!r}")
        found |= {metric.name: metric for metric in meant}
    return found


def require_installed(names: Iterable[str]) -> None:
    """Raises ValueError where a metric that settings name needs a package that is not there."""
    for metric in chosen(names).values():
        if not metric.installed:
            raise ValueError(
                f"evaluation.metrics: {metric.name} needs the package {metric.package}, which is "
                f"not installed: pip install --no-deps {metric.package}, or leave it out"
            )


def statistics() -> dict[str, Statistic]:
    """Everything that arms can be compared by, by name."""
    found = [statistic for metric in METRICS.values() for statistic in metric.statistics()]
    return {statistic.name: statistic for statistic in found}


def available(metrics: Iterable[str]) -> tuple[Statistic, ...]:
    """The statistics of the metrics that have rows."""
    there = set(metrics)
    return tuple(each for each in statistics().values() if each.metric in there)


def beyond_sdr() -> list[str]:
    """The statistics of the metrics that are no ratio of energies, by name."""
    others = [metric for metric in METRICS.values() if metric.group not in RATIOS]
    return [statistic.name for metric in others for statistic in metric.statistics()]
