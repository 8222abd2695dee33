"""The registry: one entry in one file, and everything else knows the metric."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from commands import CHECKOUT

from gan_sep.evaluation import metrics
from gan_sep.evaluation.metrics.__main__ import table
from gan_sep.evaluation.metrics.base import Metric, median_of_frames, shared
from gan_sep.evaluation.scores import EvaluationSettings, track_scores
from gan_sep.reporting.effects import effects
from gan_sep.reporting.forest_figure import forest_figure
from gan_sep.reporting.study import HEADLINES
from gan_sep.reporting.tables import beyond_sdr
from gan_sep.statistics.compare import compare

ADDED = '''
"""The largest sample that is missing."""

from gan_sep.evaluation.metrics.base import Metric


def missing_peak(references, estimates, sample_rate):
    return references.abs().amax((1, 2)) - estimates.abs().amax((1, 2))


METRICS = (Metric("missing_peak", missing_peak, "Missing peak", "peaks", "", False),)
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file more in the folder of the metrics."""
    (tmp_path / "peaks.py").write_text(ADDED, "utf-8")
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    monkeypatch.setattr(metrics, "METRICS", metrics.discover())


@pytest.mark.usefixtures("added")
def test_a_metric_added_in_one_file_can_be_named_and_has_rows_a_table_line_and_a_figure() -> None:
    settings = EvaluationSettings(metrics=("usdr", "peaks"))
    references = torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(0))
    rows = []
    for track in range(4):
        for arm, gain in {"mixture": 0.1, "plain": 0.5, "gan": 0.8 + track / 100}.items():
            scores = track_scores(references, gain * references, 1000, settings)
            assert list(scores) == ["usdr", "missing_peak"]
            for source, value in zip("xy", scores["missing_peak"], strict=True):
                cell = (arm, str(track), source, "missing_peak", value)
                rows += [(0, *cell), (1, *cell)]
    table = pd.DataFrame(rows, columns=["seed", "arm", "track", "source", "metric", "value"])
    (statistic,) = metrics.available(table["metric"])
    lines = effects([compare(table, statistic)])
    assert lines["verdict"].iloc[-1] == "better"  # less is missing
    assert statistic.name in metrics.beyond_sdr()
    assert "Missing peak | lower is better" in beyond_sdr(lines)
    titles = [axes.get_title(loc="left") + axes.get_title() for axes in forest_figure(lines).axes]
    assert any("Missing peak" in title for title in titles)


def test_the_console_s_statistics_are_of_the_registry() -> None:
    assert set(HEADLINES) <= set(metrics.statistics())


def test_two_metrics_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "again.py").write_text(ADDED.replace('missing_peak",', 'usdr",'), "utf-8")
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="the name 'usdr' is taken twice"):
        metrics.discover()


def test_names_of_groups_and_of_metrics_are_taken_once() -> None:
    assert list(metrics.chosen(["sar", "bss_eval", "sdr"])) == ["sar", "isr", "sir", "sdr"]
    with pytest.raises(ValueError, match=r"expected some of sdr, .*, got 'loudness'"):
        metrics.chosen(["loudness"])


def test_every_metric_has_a_value_per_source_and_says_what_is_better() -> None:
    references = torch.randn(2, 2, 16000, generator=torch.Generator().manual_seed(1))
    estimates = references + 0.3 * references.flip(0)
    for name, metric in metrics.METRICS.items():
        if metric.installed and not name.startswith("museval"):
            assert metric.function(references, estimates, 16000).shape == (2,), name
        higher = metric.higher_is_better and not metric.zero_is_best
        better = {statistic.better for statistic in metric.statistics()}
        assert better == {"higher" if higher else "lower"}


def test_a_family_is_computed_once_and_again_where_a_signal_is_another_or_changed() -> None:
    calls = []

    def added(references: torch.Tensor, estimates: torch.Tensor) -> torch.Tensor:
        calls.append(references)
        return (references + estimates).sum()

    score = shared(added)
    one, two = torch.ones(2), torch.ones(2)
    assert score(one, two) == score(one, two) == 4
    assert len(calls) == 1
    two += 1
    assert score(one, two) == 6
    assert score(two, one) == 6
    assert len(calls) == 3


def test_a_median_leaves_frames_without_a_value_out() -> None:
    nan = float("nan")
    frames = torch.tensor([[1.0, nan, 4.0], [nan, nan, nan]], dtype=torch.float64)
    median = median_of_frames(frames)
    assert median[0] == 2.5
    assert median[1].isnan()


def test_further_averages_are_statistics_of_their_own() -> None:
    metric = Metric("m", lambda *_: torch.zeros(1), "M", "g", average="median", also=("mean",))
    names = [(s.name, s.average, s.title) for s in metric.statistics()]
    assert names == [
        ("m", "median", "M, median of tracks"),
        ("m_mean", "mean", "M, mean of tracks"),
    ]


def test_the_page_of_metrics_holds_the_registry() -> None:
    page = (CHECKOUT / "docs" / "metrics.md").read_text("utf-8")
    assert "\n".join(table()) in page
