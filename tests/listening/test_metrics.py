"""Which metrics move together: against scipy track by track, and in the order of their tree."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from gan_sep.listening.metrics import write_correlations


def rows(arms: int = 6, tracks: int = 3) -> pd.DataFrame:
    """usdr is much like sdr, mr_stft has no part in either; tracks differ in level."""
    random = np.random.default_rng(0)
    lines: list[tuple[object, ...]] = []
    for arm in range(arms):
        for track in range(tracks):
            sdr = random.normal() + 10 * track
            values = {"sdr": sdr, "usdr": sdr + random.normal() / 5, "mr_stft": random.normal()}
            name = f"arm{arm}" if arm else "plain"
            lines += [(0, name, f"t{track}", "x", *each) for each in values.items()]
        lines += [(0, "mixture", f"t{arm}", "x", metric, np.nan) for metric in values]
    return pd.DataFrame(lines, columns=["seed", "arm", "track", "source", "metric", "value"])


def test_pairs_are_the_means_over_tracks_of_scipys_and_lower_is_turned(tmp_path: Path) -> None:
    listeners, published = tmp_path / "correlations.csv", tmp_path / "published.csv"
    listeners.write_text("experiment,sounds,metric,within_spearman\nQ,separated,sdr,0.5\n")
    published.write_text("metric,published\nmr_stft,0.2\n")
    table = rows()
    write_correlations(table, [listeners, published], tmp_path)
    assert (tmp_path / "metrics.png").stat().st_size > 5000
    found = pd.read_csv(tmp_path / "metrics.csv")
    trained = table[table["arm"] != "mixture"]
    for line in found.itertuples():
        pair = [
            trained[trained["metric"] == name].pivot(index="track", columns="arm", values="value")
            * (-1 if name == "mr_stft" else 1)
            for name in (line.metric, line.other)
        ]
        of_tracks = [
            spearmanr(*each)[0] for each in zip(*(p.to_numpy() for p in pair), strict=True)
        ]
        assert line.within_tracks == pytest.approx(np.mean(of_tracks), abs=1e-4)
        first, second = (p.to_numpy().ravel() for p in pair)
        over = spearmanr(first, second)[0]
        assert line.over_all == pytest.approx(over, abs=1e-4)


def test_two_arms_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 metrics of 3 trained arms, got 3 and 2"):
        write_correlations(rows(arms=2), [], tmp_path)
