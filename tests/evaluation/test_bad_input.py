"""What an evaluation makes of silence, NaN and material that differs between arms.

Each case is an error that names what is wrong, or a row that says NaN and a track that the
comparison leaves out by name; nothing makes an average smaller in silence. Rows that do not pair up
are in test_statistics.py, broken and missing files of runs in test_reporting_runs.py.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import Evaluation, evaluate, validation_scores
from gan_sep.evaluation.metrics import statistics
from gan_sep.evaluation.scores import EvaluationSettings, track_scores
from gan_sep.statistics.compare import Comparison, compare
from gan_sep.statistics.pairing import PairedValues

RATE = 4000
AUDIO = AudioFormat(sample_rate=RATE, channels=1, sources=("music", "voice"))
SETTINGS = EvaluationSettings(segment_seconds=1.0, max_shift_seconds=0.1, metrics=("sdr", "usdr"))

WITHOUT_V3 = (
    "sdr",
    "bss_eval",
    "usdr",
    "si_sdr",
    "mr_stft",
    "l1_freq",
    "si_sdr_freq",
    "high_band_ratio",
    "noise_floor",
    "energy_at_silence",
    "onset_f1",
)


class Song(Track):
    """Bursts of noise as both sources, the voice at half the level."""

    def __init__(self, name: str, seed: int = 0, samples: int = 2 * RATE) -> None:
        self.name, self.num_samples = name, samples
        random = torch.Generator().manual_seed(seed)
        rests = (torch.arange(samples) % (RATE // 2) < RATE // 4).float()
        level = torch.tensor([1.0, 0.5])[:, None, None]
        self.sources = level * rests * torch.randn(2, 1, samples, generator=random)  # (S, C, T)

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        return self.sources[..., start : self.stop(start, num_samples)]


class Gains(nn.Module):
    """Each estimate is the mixture at a level of its own."""

    def __init__(self, *gains: float) -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.tensor(gains, dtype=torch.float32))

    def forward(self, mixture: Tensor) -> Tensor:
        return self.gains[:, None, None] * mixture[:, None]  # (B, S, C, T)


def songs() -> list[Track]:
    return [Song("a", 1), Song("b", 2), Song("c", 3)]


def silent_voice() -> Song:
    song = Song("b", 2)
    song.sources[1] = 0
    return song


def rows_of(
    folder: Path, arm: str, tracks: list[Track], generator: nn.Module, audio: AudioFormat = AUDIO
) -> pd.DataFrame:
    run = Evaluation(audio, SETTINGS, arm, seed=0)
    return pd.DataFrame(evaluate(generator, tracks, run, folder / arm))


def both_arms(folder: Path, tracks: list[Track], plain: nn.Module, gan: nn.Module) -> pd.DataFrame:
    rows = [rows_of(folder, "plain", tracks, plain), rows_of(folder, "gan", tracks, gan)]
    return pd.concat(rows).drop_duplicates(["arm", "track", "source", "metric"])


def compared(rows: pd.DataFrame, statistic: str) -> Comparison:
    return compare(rows, statistics()[statistic], resamples=50)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_source_that_is_no_number_is_named_with_its_track(tmp_path: Path, broken: float) -> None:
    song = Song("b")
    song.sources[1, 0, 17] = broken
    with pytest.raises(ValueError, match="track b: voice holds NaN or inf; check its file"):
        rows_of(tmp_path, "plain", [Song("a"), song], Gains(0.8, 0.3))
    with pytest.raises(ValueError, match="track b: voice holds NaN or inf; check its file"):
        validation_scores(Gains(0.8, 0.3), [song], AUDIO, SETTINGS)


def test_nan_estimates_of_one_track_stop_the_evaluation_and_keep_what_was_finished(
    tmp_path: Path,
) -> None:
    class Explodes(Gains):
        def forward(self, mixture: Tensor) -> Tensor:
            estimates = super().forward(mixture)
            return estimates / 0 if float(mixture.abs().max()) > 50 else estimates

    loud = Song("b")
    loud.sources *= 100
    with pytest.raises(ValueError, match="track b: estimates hold NaN or inf"):
        rows_of(tmp_path, "plain", [Song("a"), loud], Explodes(0.8, 0.3))
    assert [file.stem for file in (tmp_path / "plain/plain").iterdir()] == ["a"]
    assert not (tmp_path / "plain/rows.csv").exists()


def scores_of(change: Callable[[Tensor, Tensor], object]) -> dict[str, float]:
    """The voice's scores after a change of references and estimates (S, C, T)."""
    references = Song("a").sources.clone()
    estimates = references + 0.1 * references.flip(0)
    change(references, estimates)
    settings = replace(SETTINGS, metrics=WITHOUT_V3)
    return {
        metric: values[1]
        for metric, values in track_scores(references, estimates, RATE, settings).items()
    }


def test_a_silent_reference_is_nan_in_every_metric_that_is_a_ratio_to_it() -> None:
    scores = scores_of(lambda references, _: references[1].zero_())
    defined = {metric: value for metric, value in scores.items() if not math.isnan(value)}
    # What remains is how loud the estimate is where nothing should be, and that all was dropped.
    assert set(defined) == {"sdr_dropped", "l1_freq", "noise_floor", "energy_at_silence"}
    assert defined["sdr_dropped"] == 1
    assert defined["energy_at_silence"] > -60
    assert all(math.isfinite(value) for value in defined.values())


def test_a_silent_estimate_is_nan_only_where_there_is_nothing_to_scale_or_filter() -> None:
    scores = scores_of(lambda _, estimates: estimates[1].zero_())
    undefined = {metric for metric, value in scores.items() if math.isnan(value)}
    assert undefined == {"sdr", "isr", "sir", "sar", "si_sdr", "si_sdr_freq"}
    assert scores["usdr"] == 0
    assert scores["onset_f1"] == 0
    assert scores["sdr_dropped"] == 1
    assert scores["energy_at_silence"] == pytest.approx(-100)
    assert all(math.isfinite(scores[metric]) for metric in set(scores) - undefined)


def test_a_silent_reference_leaves_the_track_out_of_that_source_by_name(tmp_path: Path) -> None:
    tracks: list[Track] = [Song("a", 1), silent_voice(), Song("c", 3)]
    rows = both_arms(tmp_path, tracks, Gains(0.8, 0.3), Gains(0.9, 0.2))
    usdr = compared(rows, "usdr")
    assert usdr.left_out["voice"] == ("b",)
    assert usdr.track_counts[1] == 2
    # By the silence rule of BSSEval v4 its frames count for no source.
    sdr = compared(rows, "sdr")
    assert sdr.left_out == {"music": ("b",), "voice": ("b",)}
    assert sdr.removed["plain"] == pytest.approx(1 / 3)


def test_an_arm_that_falls_silent_loses_the_track_for_all_arms_by_name(tmp_path: Path) -> None:
    class FallsSilent(Gains):
        def forward(self, mixture: Tensor) -> Tensor:
            estimates = super().forward(mixture)
            estimates[:, 1] *= float(mixture.abs().max()) < 50
            return estimates

    loud = Song("b", 2)
    loud.sources *= 100
    tracks: list[Track] = [Song("a", 1), loud, Song("c", 3)]
    rows = both_arms(tmp_path, tracks, Gains(0.8, 0.3), FallsSilent(0.8, 0.3))
    comparison = compared(rows, "sdr")
    assert comparison.left_out == {"music": ("b",), "voice": ("b",)}
    assert comparison.effects["gan"].difference.tolist() == [0, 0, 0]
    assert comparison.removed == pytest.approx({"mixture": 0, "plain": 0, "gan": 1 / 3})
    # The whole-track ratio counts silence as what it is: 0 dB.
    usdr = compared(rows, "usdr")
    assert usdr.left_out == {"music": (), "voice": ()}
    assert usdr.effects["gan"].track_differences[1, 1] != 0


def test_another_version_of_a_song_of_the_same_name_and_length_is_scored_anew(
    tmp_path: Path,
) -> None:
    generator = Gains(0.8, 0.3)
    first = rows_of(tmp_path, "plain", [Song("a", 1)], generator)
    remixed = rows_of(tmp_path, "plain", [Song("a", 2)], generator)
    fresh = rows_of(tmp_path / "fresh", "plain", [Song("a", 2)], generator)
    assert not first["value"].equals(remixed["value"])
    pd.testing.assert_frame_equal(remixed, fresh)


def test_sources_in_another_order_are_scored_anew_and_paired_by_name(tmp_path: Path) -> None:
    class Turned(Song):
        def __init__(self, name: str, seed: int) -> None:
            super().__init__(name, seed)
            self.sources = self.sources.flip(0)

    turned = replace(AUDIO, sources=("voice", "music"))
    plain = rows_of(tmp_path, "plain", songs(), Gains(0.8, 0.3))
    rows_of(tmp_path, "gan", songs(), Gains(0.3, 0.8))
    tracks: list[Track] = [Turned("a", 1), Turned("b", 2), Turned("c", 3)]
    gan = rows_of(tmp_path, "gan", tracks, Gains(0.3, 0.8), turned)
    own = gan[gan["arm"] == "gan"]
    assert own["source"].drop_duplicates().tolist() == ["voice", "music"]
    paired = PairedValues.of(pd.concat([plain, own]), "usdr")
    assert paired.sources == ("music", "voice")
    plain_values, gan_values = paired.array[1:3]
    assert gan_values == pytest.approx(plain_values, abs=1e-12)


def test_arms_evaluated_with_different_metrics_are_refused_by_metric_and_arm(
    tmp_path: Path,
) -> None:
    rows = both_arms(tmp_path, songs(), Gains(0.8, 0.3), Gains(0.9, 0.2))
    fewer = rows[~((rows["arm"] == "gan") & (rows["metric"] == "usdr"))]
    with pytest.raises(ValueError, match=r"metric usdr: arm gan has no rows .*: evaluate all arms"):
        compared(fewer, "usdr")


def test_arms_evaluated_on_different_tracks_are_refused_by_track(tmp_path: Path) -> None:
    plain = rows_of(tmp_path, "plain", songs(), Gains(0.8, 0.3))
    gan = rows_of(tmp_path, "gan", songs()[:2], Gains(0.9, 0.2))
    rows = pd.concat([plain, gan[gan["arm"] == "gan"]])
    with pytest.raises(ValueError, match="arm gan has no rows of track c; arms are compared on"):
        compared(rows, "usdr")
