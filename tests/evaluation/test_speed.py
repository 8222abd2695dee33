"""How fast tracks were separated: what an evaluation records, and the factor made of it."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from process_states import be_process
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import Evaluation, evaluate
from gan_sep.evaluation.rows import TrackSpeed, write_table
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.reporting.runs import ArmRun, read_table

AUDIO = AudioFormat(sample_rate=1000, channels=1, sources=("music", "voice"))
SETTINGS = EvaluationSettings(segment_seconds=1.0, overlap=0, max_shift_seconds=0.1)
RUN = Evaluation(AUDIO, SETTINGS, arm="gan", seed=7)
PIECE_SECONDS = 0.02


def read_speeds(folder: Path) -> list[TrackSpeed]:
    numbers = {"seconds": float, "separation_seconds": float}
    table = read_table(folder / "separation.csv", TrackSpeed._fields, numbers)
    return [TrackSpeed(*line) for line in table.itertuples(index=False, name=None)]


class Noise(Track):
    def __init__(self, name: str, seconds: int) -> None:
        self.name, self.num_samples = name, seconds * AUDIO.sample_rate

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        random = torch.Generator().manual_seed(0)
        noise = torch.randn(2, 1, self.num_samples, generator=random)  # (S, C, T)
        return noise[..., start : self.stop(start, num_samples)]


class Slow(nn.Module):
    """Halves the mixture, and takes its time for every piece."""

    def forward(self, mixture: Tensor) -> Tensor:
        time.sleep(PIECE_SECONDS)
        return mixture[:, None].expand(-1, 2, -1, -1) / 2  # (B, S, C, T)


def test_every_track_has_its_length_and_the_time_of_separating_it(tmp_path: Path) -> None:
    evaluate(Slow(), [Noise("b", 4), Noise("a, long", 9)], RUN, tmp_path)
    first, second = read_speeds(tmp_path)
    assert [first[:2], second[:2]] == [("b", 4.0), ("a, long", 9.0)]
    assert first.separation_seconds >= 4 * PIECE_SECONDS
    assert second.separation_seconds >= 9 * PIECE_SECONDS


def test_the_shifts_of_the_evaluation_count(tmp_path: Path) -> None:
    shifted = replace(RUN, settings=replace(SETTINGS, shifts=3))
    evaluate(Slow(), [Noise("a", 2)], shifted, tmp_path)
    (speed,) = read_speeds(tmp_path)
    assert speed.separation_seconds >= 3 * 2 * PIECE_SECONDS


def test_what_is_finished_keeps_its_time(tmp_path: Path) -> None:
    evaluate(Slow(), [Noise("a", 1)], RUN, tmp_path)
    (before,) = read_speeds(tmp_path)
    rows = (tmp_path / "rows.csv").read_bytes()
    evaluate(Slow(), [Noise("a", 1), Noise("b", 1)], RUN, tmp_path)
    assert read_speeds(tmp_path)[0] == before
    assert (tmp_path / "rows.csv").read_bytes().startswith(rows[: rows.index(b"gan")])


def test_every_process_records_its_own_tracks_and_the_first_lists_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = [Noise("a", 1), Noise("b", 1), Noise("c", 1)]

    def second_process() -> None:
        evaluate(Slow(), tracks[1:2], RUN, tmp_path)

    be_process(monkeypatch, 0, 2, second_process)
    evaluate(Slow(), tracks, RUN, tmp_path)
    assert [speed.track for speed in read_speeds(tmp_path)] == ["a", "b", "c"]


def test_the_factor_is_the_median_of_the_tracks(tmp_path: Path) -> None:
    run = ArmRun(tmp_path, 0, "gan")
    speeds = [
        TrackSpeed("warm-up", 10.0, 9.0),
        TrackSpeed("b", 4.0, 1.0),
        TrackSpeed("c", 2.0, 1.0),
    ]
    write_table(run.speed_file(), TrackSpeed._fields, speeds)
    assert run.real_time_factor() == 0.5


def test_an_evaluation_of_before_has_no_speeds_and_another_file_is_refused(tmp_path: Path) -> None:
    run = ArmRun(tmp_path, 0, "gan")
    assert math.isnan(run.real_time_factor())
    write_table(run.speed_file(), TrackSpeed._fields, [])
    assert math.isnan(run.real_time_factor())
    run.speed_file().write_text("track,value\n")
    with pytest.raises(ValueError, match=r"separation.csv: expected the columns track, seconds, s"):
        run.real_time_factor()
