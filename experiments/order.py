"""How far the order of a study's arms is a published one: Spearman's rank correlation.

    python experiments/order.py reports/losses/open_unmix reports/losses/published.csv

The published file holds columns arm and value, higher being better. Of the study counts the mean
over sources of the median over tracks of `--statistic`. The interval is that of 95 % over draws of
arms and tracks with replacement, together.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from gan_sep.programs import clear_errors, program
from gan_sep.reporting.study import Study
from gan_sep.runs import reading_file

DRAWS = 4000
LEAST_ARMS = 4  # of which a draw's correlation is counted


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("study", type=Path, help="folder of a committed study")
    parser.add_argument("published", type=Path, help="CSV of arm and value")
    parser.add_argument("--statistic", default="sdr", metavar="METRIC")
    parser.add_argument("--without", nargs="+", default=[], metavar="ARM")
    parser.add_argument("--instead", nargs="+", default=[], metavar="ARM=OTHER", type=pair,
                        help="arms of the study that stand for those of the same loss")  # fmt: skip
    parser.add_argument("--least", type=float, default=-np.inf, help="published value that counts")
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        with reading_file(arguments.published, "columns arm and value"):
            values = pd.read_csv(arguments.published, index_col="arm")["value"].astype(float)
        values = values[values >= arguments.least].drop(arguments.without, errors="ignore")
        if len(values) < LEAST_ARMS:
            raise ValueError(
                f"{arguments.published}: expected at least {LEAST_ARMS} arms, got {len(values)}"
            )
        scores = of_tracks(arguments.study, arguments.statistic)
        names = [dict(arguments.instead).get(arm, arm) for arm in values.index]
        if unknown := sorted({*names} - {*scores}):
            raise ValueError(f"{arguments.study}: expected rows of {unknown[0]}, found none")
        found = np.stack([scores[name] for name in names])  # (arms, tracks, sources)
        said, low, high = correlation(values.to_numpy(), found)
        print(f"{len(names)} arms: {said:+.2f} [{low:+.2f}, {high:+.2f}]")


def pair(text: str) -> tuple[str, str]:
    arm, equals, other = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected ARM=OTHER, got {text}")
    return arm, other


def of_tracks(study: Path, statistic: str) -> dict[str, np.ndarray]:
    """Arm -> values (tracks, sources), NaN where there is none; the mean of its seeds."""
    rows = Study.of([study]).rows
    rows = rows[rows["metric"] == statistic]
    table = rows.pivot_table(index="track", columns=["arm", "source"], values="value", dropna=False)
    return {arm: table[arm].to_numpy() for arm in table.columns.unique("arm")}


def correlation(published: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """The correlation of (arms,) with (arms, tracks, sources), and its interval."""
    random, (arms, tracks) = np.random.default_rng(0), found.shape[:2]
    drawn = []
    for _ in range(DRAWS):
        some = random.integers(arms, size=arms)
        if len(np.unique(some)) >= LEAST_ARMS:
            level = levels(found[:, random.integers(tracks, size=tracks)])
            drawn.append(spearmanr(published[some], level[some])[0])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(spearmanr(published, levels(found))[0]), float(low), float(high)


def levels(found: np.ndarray) -> np.ndarray:
    """(arms, tracks, sources) -> (arms,)."""
    return np.asarray(np.nanmedian(found, 1).mean(1))


if __name__ == "__main__":
    main()
