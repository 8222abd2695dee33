"""Correlations of metrics with listeners: by hand, by scipy, and published figures with data."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from listening_sessions import SAID, rows_like, save, session
from scipy import stats

from gan_sep.evaluation.metrics import bss_eval, bss_eval_v3
from gan_sep.evaluation.metrics.base import Metric
from gan_sep.evaluation.metrics.perceptual import artefacts, interference
from gan_sep.listening.correlation import CEILING, correlations, kendall, pearson, spearman
from gan_sep.listening.study import ListeningStudy, good, track


def study(noise: float, listeners: int = 8, songs: int = 6) -> ListeningStudy:
    generator = np.random.default_rng(0)
    rows, values = [], dict[Any, dict[str, float]]()
    for song in map(str, range(songs)):
        for sound, truth in enumerate(generator.permutation(5) * 10.0):
            values[song, str(sound)] = {"right": truth, "wrong": -truth, "nothing": 1.0}
            for listener in range(listeners):
                rating = truth + noise * generator.standard_normal()
                rows.append(("quality", song, str(sound), str(listener), rating))
    columns = ["experiment", "song", "sound", "listener", "rating"]
    table = pd.DataFrame(values).T.rename_axis(["song", "sound"])
    return ListeningStudy(pd.DataFrame(rows, columns=columns), table)


def test_the_measures_are_scipy_s() -> None:
    first, second = np.random.default_rng(1).integers(0, 5, (2, 3, 9)).astype(float)
    for ours, theirs in (
        (pearson, stats.pearsonr),
        (spearman, stats.spearmanr),
        (kendall, stats.kendalltau),
    ):
        expected = [theirs(*pair).statistic for pair in zip(first, second, strict=True)]
        np.testing.assert_allclose(ours(first, second), expected)


def test_a_metric_that_knows_the_truth_reaches_one_and_its_reverse_minus_one() -> None:
    table: Any = correlations(study(noise=0), resamples=20).set_index(["sounds", "metric"])
    right, wrong = (table.loc["separated", name] for name in ("right", "wrong"))
    for column in ("within_spearman", "within_kendall", "pearson", "spearman", "kendall"):
        assert right[column] == right[f"{column}_low"] == pytest.approx(1)
        assert wrong[column] == pytest.approx(-1)
    assert np.isnan(table.loc[("separated", "nothing"), "spearman"])
    assert table.loc[("separated", CEILING), "within_spearman"] == pytest.approx(1)


@pytest.mark.slow
def test_noise_of_listeners_widens_intervals_and_lowers_the_ceiling() -> None:
    tables: Any = (
        correlations(study(noise), resamples=100).set_index(["sounds", "metric"])
        for noise in (5.0, 60.0)
    )
    quiet, loud = tables
    for column in ("within_spearman", "pearson"):
        ends = [
            table.loc[("separated", "right"), [f"{column}_low", column, f"{column}_high"]]
            for table in (quiet, loud)
        ]
        assert ends[0].is_monotonic_increasing
        assert ends[1].iloc[2] - ends[1].iloc[0] > ends[0].iloc[2] - ends[0].iloc[0]
        ceiling = [table.loc[("separated", CEILING), column] for table in (quiet, loud)]
        assert 0 < ceiling[1] < ceiling[0] <= 1


def test_metrics_are_turned_so_that_more_is_better() -> None:
    values = pd.Series([-3.0, 1.0, np.inf])
    off = Metric("m", lambda *_: NotImplemented, "M", "g", zero_is_best=True)
    assert good(values, off).tolist() == [-3, -1, -150]
    less = Metric("m", lambda *_: NotImplemented, "M", "g", unit="", higher_is_better=False)
    assert good(values, less).tolist() == [3, -1, -np.inf]


def test_ratings_of_our_page_are_read_beside_their_rows(tmp_path: Path) -> None:
    save(tmp_path, session("anna"), session("ben"))
    rows_like().to_csv(tmp_path / "rows.csv", index=False)
    read = ListeningStudy.read(tmp_path)
    assert set(read.ratings["song"]) == {f"{t}, {s}" for s in SAID for t in SAID[s]}
    table: Any = correlations(read, resamples=10).set_index(["sounds", "metric"])
    assert table.loc[("separated", "usdr"), "within_spearman"] == pytest.approx(1)


def test_a_folder_of_neither_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected ratings.csv beside the folder sounds"):
        ListeningStudy.read(tmp_path)


def published() -> Path:
    folder = Path(os.environ.get("GAN_SEP_DATA") or "none") / "listening-svs"
    if not folder.is_dir():
        pytest.skip("GAN_SEP_DATA names no folder that holds listening-svs")
    return folder


@pytest.mark.slow
def test_the_published_measures_and_the_figures_of_our_metrics_come_again() -> None:
    folder = published()
    ratings = ListeningStudy.read(folder, known=pd.DataFrame()).ratings
    separated = ratings[~ratings["sound"].isin(["reference", "mixture", "anchor"])]
    values: dict[Any, dict[str, float]] = {}
    for song, sound in separated[["song", "sound"]].drop_duplicates().itertuples(index=False):
        references, estimates, rate = track(folder / "sounds" / song, sound)
        v3 = bss_eval_v3(references, estimates)
        whole = bss_eval(references, estimates, references.shape[-1])  # one frame
        values[song, sound] = {
            "SIR": float(v3["sir"][0]),
            "SAR": float(v3["sar"][0]),
            "ISR": float(whole["isr"][0, 0]),
            "artefacts": float(artefacts(references, estimates, rate)[0]),
            "interference": float(interference(references, estimates, rate)[0]),
        }
    table = pd.DataFrame(values).T.rename_axis(["song", "sound"])
    measures = pd.read_csv(folder / "published_measures.csv").rename(columns={"page": "song"})
    measures = measures.drop_duplicates(["song", "sound", "measure"])
    theirs = measures.pivot(index=["song", "sound"], columns="measure", values="score")
    for name in ("SIR", "SAR", "ISR"):
        expected = theirs[name].reindex(table.index)
        np.testing.assert_allclose(table[name], expected, rtol=0, atol=0.05)
    found: Any = correlations(ListeningStudy(separated, table), resamples=2)
    found = found[found["sounds"] == "separated"].set_index(["experiment", "metric"])
    for experiment, name, figures in (
        ("interference", "SIR", [0.94, 0.99, 0.85]),
        ("quality", "SAR", [0.62, 0.63, 0.63]),
        ("quality", "ISR", [0.34, 0.45, 0.28]),
        ("quality", "artefacts", [0.80, 0.90, 0.84]),
        ("interference", "interference", [0.92, 0.99, 0.81]),
    ):
        line = found.loc[(experiment, name), ["within_spearman", "within_median", "pearson"]]
        assert line.tolist() == pytest.approx(figures, abs=0.006), name
