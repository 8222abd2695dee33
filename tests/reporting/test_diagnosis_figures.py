"""The diagnosis figures are written whole, and also for what could not be measured."""

from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
import torch

from gan_sep.adversarial.diagnostics import SETS, measure
from gan_sep.reporting.diagnosis_figures import draw_histograms, draw_history


def record(step: int, segments: int = 16) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(step)
    scores = {name: torch.rand(segments, 2, generator=generator) for name in SETS}
    active = {name: torch.tensor([[True, False]]).expand(segments, 2) for name in SETS}
    return {"step": step, "sources": measure(scores, active, ["bass", "a silent source"])}


def test_a_history_is_drawn_with_gaps_for_what_could_not_be_measured(tmp_path: Path) -> None:
    draw_history([record(100), record(200)], tmp_path / "figures" / "history.png")
    picture = matplotlib.image.imread(tmp_path / "figures" / "history.png")
    assert picture[..., :3].min() < 0.2
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["history.png"]


def test_histograms_are_drawn_also_for_a_silent_source(tmp_path: Path) -> None:
    draw_histograms(record(100), tmp_path / "histograms.png")
    assert matplotlib.image.imread(tmp_path / "histograms.png").shape[1] > 600


def test_a_history_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"history\.png: expected at least one diagnosis record"):
        draw_history([], tmp_path / "history.png")


def test_a_record_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="diagnosis of at least one source"):
        draw_histograms({"step": 1, "sources": {}}, tmp_path / "histograms.png")
