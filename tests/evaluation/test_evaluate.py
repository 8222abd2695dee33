"""Whole evaluations on small tracks: rows, interruption, sharing among processes, errors."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from process_states import be_process
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import (
    Evaluation,
    evaluate,
    validation_scores,
    weights_fingerprint,
)
from gan_sep.evaluation.metrics import sdr, usdr
from gan_sep.evaluation.references import oracle_estimates
from gan_sep.evaluation.rows import Row
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.reporting.runs import read_rows

AUDIO = AudioFormat(sample_rate=1000, channels=1, sources=("music", "voice"))
SETTINGS = EvaluationSettings(segment_seconds=1.0, max_shift_seconds=0.1)
RUN = Evaluation(AUDIO, SETTINGS, arm="gan", seed=7)


class Noise(Track):
    """Two sources of noise, the voice at half the level of the music."""

    def __init__(self, name: str, seed: int, samples: int = 3300) -> None:
        self.name, self.num_samples, self.reads = name, samples, 0
        random = torch.Generator().manual_seed(seed)
        level = torch.tensor([1.0, 0.5])[:, None, None]
        self.sources = level * torch.randn(2, 1, samples, generator=random)  # (S, C, T)

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        self.reads += num_samples is None  # whole reads
        stop = self.num_samples if num_samples is None else start + num_samples
        return self.sources[..., start:stop]


class Gains(nn.Module):
    """Each estimate is the mixture at a level of its own."""

    def __init__(self, *gains: float) -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.tensor(gains, dtype=torch.float32))

    def forward(self, mixture: Tensor) -> Tensor:
        return self.gains[:, None, None] * mixture[:, None]  # (B, S, C, T)


def songs() -> list[Noise]:
    return [Noise("b", 1), Noise("a", 2), Noise("c", 3, samples=2500)]


def value(rows: Sequence[Row], arm: str, track: str, source: str, metric: str) -> float:
    (found,) = (row.value for row in rows if row[1:5] == (arm, track, source, metric))
    return found


def test_every_track_source_and_metric_has_a_row_for_the_arm_and_for_the_mixture(
    tmp_path: Path,
) -> None:
    rows = evaluate(Gains(0.8, 0.3), songs(), RUN, tmp_path)
    assert [row[:5] for row in rows] == [
        (7, arm, track, source, metric)
        for arm in ("mixture", "gan")
        for track in ("b", "a", "c")
        for metric in ("sdr", "sdr_dropped", "usdr", "si_sdr")
        for source in ("music", "voice")
    ]
    assert [*read_rows(tmp_path / "rows.csv").itertuples(index=False, name=None)] == rows


def test_values_are_the_metrics_of_the_mixture_and_of_the_estimates(tmp_path: Path) -> None:
    song = Noise("a", 2)
    rows = evaluate(Gains(0.8, 0.3), [song], RUN, tmp_path)
    mixture = song.sources.sum(0)
    estimates = torch.stack([0.8 * mixture, 0.3 * mixture])
    for arm, signals in (("mixture", mixture.expand(2, 1, -1)), ("gan", estimates)):
        frames = sdr(song.sources, signals, AUDIO.sample_rate)
        expected = {"sdr": frames.median(-1).values, "usdr": usdr(song.sources, signals)}
        for metric, per_source in expected.items():
            for source, score in zip(AUDIO.sources, per_source.tolist(), strict=True):
                assert value(rows, arm, "a", source, metric) == pytest.approx(score, abs=1e-4)


def test_an_interrupted_evaluation_continues_where_it_stopped(tmp_path: Path) -> None:
    class Stops(Noise):
        def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
            raise KeyboardInterrupt

    done, stops, later = songs()[0], Stops("a", 2), songs()[2]
    with pytest.raises(KeyboardInterrupt):
        evaluate(Gains(0.8, 0.3), [done, stops, later], RUN, tmp_path)
    assert (done.reads, later.reads) == (1, 0)
    assert not (tmp_path / "rows.csv").exists()
    tracks = songs()
    rows = evaluate(Gains(0.8, 0.3), tracks, RUN, tmp_path)
    assert [track.reads for track in tracks] == [0, 1, 1]
    assert rows == evaluate(Gains(0.8, 0.3), songs(), RUN, tmp_path / "uninterrupted")


def test_what_the_scores_depend_on_makes_them_anew(tmp_path: Path) -> None:
    def reads(generator: nn.Module, evaluation: Evaluation, samples: int = 3300) -> int:
        song = Noise("a", 2, samples)
        evaluate(generator, [song], evaluation, tmp_path)
        return song.reads

    assert reads(Gains(0.8, 0.3), RUN) == 1
    assert reads(Gains(0.8, 0.3), RUN) == 0
    assert reads(Gains(0.8, 0.4), RUN) == 1
    shorter = replace(RUN, settings=replace(SETTINGS, metrics=("usdr",)))
    assert reads(Gains(0.8, 0.4), shorter) == 1
    assert reads(Gains(0.8, 0.4), replace(shorter, seed=8)) == 1
    assert reads(Gains(0.8, 0.4), replace(shorter, seed=8), samples=2000) == 1
    assert reads(Gains(0.8, 0.4), replace(shorter, seed=8), samples=2000) == 0


def test_processes_share_the_tracks_and_the_first_one_merges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = Gains(0.8, 0.3)
    tracks = songs()

    def second_process() -> None:
        """The barrier of the first: there the second one's share is done."""
        evaluate(generator, tracks[1:2], RUN, tmp_path / "two")

    alone = evaluate(generator, songs(), RUN, tmp_path / "one")
    be_process(monkeypatch, 0, 2, second_process)
    shared = evaluate(generator, tracks, RUN, tmp_path / "two")
    written = read_rows(tmp_path / "two" / "rows.csv")
    assert shared == alone == [*written.itertuples(index=False, name=None)]
    assert [track.reads for track in tracks] == [1, 1, 1]


def test_the_second_process_writes_no_merged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, tracks = Gains(0.8, 0.3), songs()
    evaluate(generator, tracks, RUN, tmp_path)
    (tmp_path / "rows.csv").unlink()
    be_process(monkeypatch, 1, 2)
    rows = evaluate(generator, tracks, RUN, tmp_path)
    assert len(rows) == 2 * 3 * 2 * 4
    assert not (tmp_path / "rows.csv").exists()


def test_nsdr_v3_is_the_gain_over_the_mixture(tmp_path: Path) -> None:
    run = replace(RUN, settings=replace(SETTINGS, metrics=("bss_v3",)))
    rows = evaluate(Gains(0.8, 0.3), [Noise("a", 2, 1500)], run, tmp_path)
    for source in AUDIO.sources:
        scores = {arm: value(rows, arm, "a", source, "sdr_v3") for arm in ("mixture", "gan")}
        assert value(rows, "mixture", "a", source, "nsdr_v3") == 0
        gain = scores["gan"] - scores["mixture"]
        assert value(rows, "gan", "a", source, "nsdr_v3") == pytest.approx(gain, abs=1e-9)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_broken_estimates_name_the_track(tmp_path: Path, broken: float) -> None:
    with pytest.raises(ValueError, match="track a: estimates hold NaN or inf"):
        evaluate(Gains(0.8, broken), [Noise("a", 2)], RUN, tmp_path)


def test_another_number_of_sources_names_the_track(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"track a: expected .* \(2, 1, 3300\), got \(3, 1, 3300\)"
    ):
        evaluate(Gains(0.8, 0.3, 0.1), [Noise("a", 2)], RUN, tmp_path)


def test_no_track_and_repeated_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one track"):
        evaluate(Gains(1, 1), [], RUN, tmp_path)
    with pytest.raises(ValueError, match="distinct names, got 'a' more than once"):
        evaluate(Gains(1, 1), [Noise("a", 1), Noise("a", 2)], RUN, tmp_path)
    with pytest.raises(ValueError, match="at least one track"):
        validation_scores(Gains(1, 1), [], AUDIO, SETTINGS)


def test_the_names_of_the_mixture_and_of_oracles_are_taken() -> None:
    with pytest.raises(ValueError, match="'mixture' is the arm of the reference system"):
        replace(RUN, arm="mixture")
    with pytest.raises(ValueError, match="'irm1' is the arm of the reference system"):
        replace(RUN, arm="irm1")


def test_validation_scores_average_tracks_and_then_sources(tmp_path: Path) -> None:
    generator = Gains(0.8, 0.3)
    scores = validation_scores(generator, songs(), AUDIO, SETTINGS)
    rows = evaluate(generator, songs(), replace(RUN, seed=0), tmp_path)
    for source in AUDIO.sources:
        per_track = {
            metric: sorted(value(rows, "gan", track, source, metric) for track in "abc")
            for metric in ("sdr", "usdr")
        }
        assert scores["sdr"][source] == per_track["sdr"][1]
        assert scores["usdr"][source] == pytest.approx(sum(per_track["usdr"]) / 3, abs=1e-12)
    for metric in ("sdr", "sdr_dropped", "usdr", "si_sdr"):
        mean = (scores[metric]["music"] + scores[metric]["voice"]) / 2
        assert scores[metric]["All"] == pytest.approx(mean, abs=1e-12)


def test_validation_scores_do_not_depend_on_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = Gains(0.8, 0.3)
    alone = validation_scores(generator, songs(), AUDIO, SETTINGS)
    of_second: list[object] = []

    def gather_of_second(items: list[object]) -> list[object]:
        of_second.extend(items)
        return items

    def gather_of_first(items: list[object]) -> list[object]:
        return [*of_second, *items]

    gather = "gan_sep.evaluation.evaluate.gather_object"
    be_process(monkeypatch, 1, 2)
    monkeypatch.setattr(gather, gather_of_second)
    calls: list[None] = []
    validation_scores(generator, songs(), AUDIO, SETTINGS, lambda: calls.append(None))
    assert len(of_second) == 1  # of three tracks, the one in the middle
    assert len(calls) == 2  # as often as in the first process
    be_process(monkeypatch, 0, 2)
    monkeypatch.setattr(gather, gather_of_first)
    assert validation_scores(generator, songs(), AUDIO, SETTINGS) == alone


def test_a_source_never_given_leaves_its_validation_score_nan(
    recwarn: pytest.WarningsRecorder,
) -> None:
    song = Noise("a", 1)
    song.sources[1] = 0
    scores = validation_scores(Gains(0.8, 0.3), [song], AUDIO, SETTINGS)
    assert math.isnan(scores["usdr"]["voice"])
    assert math.isnan(scores["usdr"]["All"])
    assert scores["usdr"]["music"] == pytest.approx(20 * math.log10(1 / 0.2), abs=1e-3)
    assert scores["sdr_dropped"]["All"] == 1
    assert not recwarn.list


def test_a_fingerprint_tells_weights_types_and_structure_apart() -> None:
    networks = [Gains(1, 2), Gains(1, 3), Gains(1, 2).bfloat16(), nn.Sequential(Gains(1, 2))]
    assert len({weights_fingerprint(network) for network in networks}) == 4
    assert weights_fingerprint(Gains(1, 2)) == weights_fingerprint(Gains(1, 2))


def with_oracles(*oracles: str) -> Evaluation:
    return replace(RUN, settings=replace(SETTINGS, oracles=oracles))


def test_oracles_are_arms_of_the_same_tracks_between_the_mixture_and_the_generator(
    tmp_path: Path,
) -> None:
    tracks = songs()
    rows = evaluate(Gains(0.8, 0.3), tracks, with_oracles("irm2", "mwf"), tmp_path)
    assert list(dict.fromkeys(row.arm for row in rows)) == ["mixture", "irm2", "mwf", "gan"]
    assert len(rows) == 4 * 3 * 2 * 4
    expected = usdr(tracks[0].sources, oracle_estimates(tracks[0].sources, "irm2"))
    for source, score in zip(AUDIO.sources, expected.tolist(), strict=True):
        assert value(rows, "irm2", "b", source, "usdr") == pytest.approx(score, abs=1e-9)
    plain = evaluate(Gains(0.8, 0.3), songs(), RUN, tmp_path / "without")
    assert [row for row in rows if row.arm in ("mixture", "gan")] == plain


def test_an_oracle_added_later_leaves_the_finished_arms_as_they_are(tmp_path: Path) -> None:
    class Counts(Gains):
        calls = 0

        def forward(self, mixture: Tensor) -> Tensor:
            self.calls += 1
            return super().forward(mixture)

    generator = Counts(0.8, 0.3)
    evaluate(generator, [Noise("a", 2)], RUN, tmp_path)
    calls = generator.calls
    rows = evaluate(generator, [Noise("a", 2)], with_oracles("ibm1"), tmp_path)
    assert generator.calls == calls > 0
    assert value(rows, "ibm1", "a", "music", "usdr") > value(rows, "mixture", "a", "music", "usdr")


def test_oracles_gain_nsdr_over_the_mixture_too(tmp_path: Path) -> None:
    run = replace(RUN, settings=replace(SETTINGS, metrics=("bss_v3",), oracles=("irm1",)))
    rows = evaluate(Gains(0.8, 0.3), [Noise("a", 2, 1500)], run, tmp_path)
    scores = {arm: value(rows, arm, "a", "voice", "sdr_v3") for arm in ("mixture", "irm1")}
    gain = scores["irm1"] - scores["mixture"]
    assert gain > 0
    assert value(rows, "irm1", "a", "voice", "nsdr_v3") == pytest.approx(gain, abs=1e-9)
