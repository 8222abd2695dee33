"""How many seeds it takes to see a difference of a given size at the noise that was observed."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gan_sep.statistics.averages import Array
from gan_sep.statistics.intervals import Noise, half_width

POWER = 0.8
MOST_SEEDS = 1000
_STUDIES = 4000


def seeds_needed(noise: Noise, effect: float, seed: int = 0) -> Array:
    """Seeds an arm for an interval that excludes 0 in 80 % of studies with this true difference.

    The noise is taken to be what was observed, which few seeds tell roughly, and the tracks to be
    as many. (S + 1,), at least 2; inf where `MOST_SEEDS` would not do, as where the tracks' own
    noise is too large; NaN with one seed, of which nobody knows how seeds differ, nor which part of
    the tracks' noise more of them would average away.
    """
    studies = zip(
        np.maximum(noise.from_seeds - noise.residual, 0) * noise.num_seeds,
        np.maximum(noise.from_tracks - noise.residual, 0),
        noise.residual * noise.num_seeds,
        noise.track_counts,
        strict=True,
    )
    needed = [_seeds_needed(_Study(*map(float, study)), effect, seed) for study in studies]
    return np.array(needed, dtype=np.float64)


@dataclass(frozen=True)
class _Study:
    """The true noise of one statistic on fixed tracks, as if they were observed without error.

    by_seed, residual: variances of one seed's difference. by_tracks: that of any number of seeds.
    """

    by_seed: float
    by_tracks: float
    residual: float
    num_tracks: float

    def power(self, num_seeds: int, effect: float, seed: int) -> float:
        """Share of simulated studies of so many seeds whose interval excludes 0."""
        by_seed, residual = self.by_seed / num_seeds, self.residual / num_seeds
        tracks, seeds, both, normal = _drawn(num_seeds, self.num_tracks, seed)
        noise = Noise(
            num_seeds,
            np.array(self.num_tracks),
            from_tracks=(self.by_tracks + residual) * tracks,
            from_seeds=(by_seed + residual) * seeds,
            residual=residual * both,
        )
        deviation = np.sqrt(self.by_tracks + by_seed + residual)
        differences = effect + deviation * normal
        return float(np.mean(np.abs(differences) > half_width(noise)))


@lru_cache(maxsize=256)
def _drawn(num_seeds: int, num_tracks: float, seed: int) -> tuple[Array, ...]:
    """Estimated variances of tracks, seeds and residual where the true one is 1; normal numbers.

    They do not depend on the noise, and drawing them takes nearly all of the time.
    """
    generator = np.random.default_rng(seed)
    seeds, tracks = num_seeds - 1, num_tracks - 1  # degrees of freedom
    variances = (generator.chisquare(d, _STUDIES) / d for d in (tracks, seeds, seeds * tracks))
    return *variances, generator.standard_normal(_STUDIES)


def _seeds_needed(study: _Study, effect: float, seed: int) -> float:
    if np.isnan(study.by_seed + study.by_tracks):
        return np.nan
    candidates = range(2, MOST_SEEDS + 1)
    place = bisect_left(candidates, POWER, key=lambda number: study.power(number, effect, seed))
    return candidates[place] if place < len(candidates) else np.inf
