"""Do the intervals keep what 95 % promises? Simulated studies with a known effect.

A setting's studies are the columns of one table, each a source of its own, and all share the
weights of the redrawn tracks. Noise is told in dB; the tracks' own level deviates by 3 dB, as
songs do.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from gan_sep.statistics.averages import average, equal_weights, redrawn_weights
from gan_sep.statistics.compare import verdict
from gan_sep.statistics.intervals import Noise, interval

STUDIES = {"mean": 4000, "median": 1000}
DRAWS = {"mean": 1000, "median": 300}
EFFECT = 0.3

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Setting:
    """Standard deviations in dB of what seeds, tracks, and seeds on tracks do to an effect."""

    seed: float
    track: float
    residual: float
    heavy_tails: bool = False

    def tables(
        self, num_seeds: int, num_tracks: int, studies: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plain and GAN without an effect: (seeds, tracks, studies) each."""
        generator = np.random.default_rng(num_seeds)

        def noise(seeds: int, tracks: int) -> np.ndarray:
            size = (seeds, tracks, studies)
            if self.heavy_tails:
                return generator.standard_t(4, size) / np.sqrt(2)
            return generator.standard_normal(size)

        def arm() -> np.ndarray:
            """What is an arm's own; the difference of two arms has twice the variance."""
            of_seed = self.seed * noise(num_seeds, 1)
            return (of_seed + self.residual * noise(num_seeds, num_tracks)) / np.sqrt(2)

        level = 3 * noise(1, num_tracks)
        return level + arm(), level + arm() + self.track * noise(1, num_tracks)


BALANCED = Setting(0.05, 0.2, 0.2)
HEAVY_TAILS = Setting(0.05, 0.2, 0.2, heavy_tails=True)
SEEDS_DIFFER = Setting(0.2, 0.1, 0.1)
TRACKS_DIFFER = Setting(0.02, 0.3, 0.05)
CHANCE = Setting(0.03, 0.05, 0.3)
SETTINGS = (BALANCED, HEAVY_TAILS, SEEDS_DIFFER, TRACKS_DIFFER)


def rates(
    setting: Setting, num_seeds: int, num_tracks: int, how: Literal["mean", "median"]
) -> tuple[float, float]:
    """Share of intervals that cover an effect, and of verdicts where there is none."""
    if num_seeds == 1:  # its interval speaks of other tracks only
        setting = replace(setting, seed=0)
    plain, gan = setting.tables(num_seeds, num_tracks, STUDIES[how])

    def differences(truth: float, weights: np.ndarray) -> np.ndarray:
        return average(gan + truth, weights, how) - average(plain, weights, how)

    redrawn = differences(
        0, redrawn_weights(num_tracks, DRAWS[how], 0)
    )  # an effect shifts, no more
    counts = np.full(STUDIES[how], float(num_tracks))
    by_seed = {truth: differences(truth, equal_weights(num_tracks))[0] for truth in (0, EFFECT)}
    noise = Noise.of(by_seed[0], redrawn, counts)
    low, high = interval(by_seed[EFFECT].mean(0), noise)
    ends = zip(*interval(by_seed[0].mean(0), noise), strict=True)
    alarms = [verdict(*pair) in ("better", "worse") for pair in ends]
    return float(np.mean((low <= EFFECT) & (high >= EFFECT))), float(np.mean(alarms))


@pytest.mark.parametrize("num_tracks", [25, 75])
@pytest.mark.parametrize("num_seeds", [1, 3, 5])
@pytest.mark.parametrize("setting", SETTINGS, ids=["balanced", "heavy", "seeds", "tracks"])
def test_intervals_of_means_cover_93_to_97_percent(
    setting: Setting, num_seeds: int, num_tracks: int
) -> None:
    coverage, alarms = rates(setting, num_seeds, num_tracks, "mean")
    assert 0.93 <= coverage <= 0.97
    assert alarms <= 0.06


@pytest.mark.parametrize(("num_seeds", "num_tracks"), [(3, 25), (3, 75), (5, 25)])
def test_where_seeds_differ_by_chance_alone_few_of_them_make_intervals_that_cover_more(
    num_seeds: int, num_tracks: int
) -> None:
    coverage, alarms = rates(CHANCE, num_seeds, num_tracks, "mean")
    assert 0.95 <= coverage <= 0.995
    assert alarms <= 0.06


@pytest.mark.parametrize("num_tracks", [25, 75])
@pytest.mark.parametrize("num_seeds", [1, 3, 5])
@pytest.mark.parametrize("setting", SETTINGS, ids=["balanced", "heavy", "seeds", "tracks"])
def test_intervals_of_medians_cover_at_least_93_percent(
    setting: Setting, num_seeds: int, num_tracks: int
) -> None:
    coverage, alarms = rates(setting, num_seeds, num_tracks, "median")
    assert 0.93 <= coverage <= 0.995
    assert alarms <= 0.06
