"""Which stretch is kept of which tracks, that it was scored so, and when it is written anew."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from process_states import be_process
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import Evaluation, evaluate
from gan_sep.evaluation.excerpts import Excerpt, read_excerpts, telling_start
from gan_sep.evaluation.scores import EvaluationSettings, ExcerptSettings
from gan_sep.evaluation.separate import separate
from gan_sep.runs import EXCERPTS

RATE = 1000
AUDIO = AudioFormat(sample_rate=RATE, channels=1, sources=("music", "lead voice"))
SETTINGS = EvaluationSettings(
    segment_seconds=1.0,
    shifts=1,
    metrics=("usdr",),
    excerpts=ExcerptSettings(tracks=2, seconds=1.0),
)
RUN = Evaluation(AUDIO, SETTINGS, arm="gan", seed=7)


class Song(Track):
    """Three seconds of loud music, and a voice that sounds in the third second alone."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.num_samples, self.reads = name, 3 * RATE, 0
        random = torch.Generator().manual_seed(seed)
        self.sources = torch.randn(2, 1, 3 * RATE, generator=random)  # (S, C, T)
        self.sources[1, :, : 2 * RATE] = 0

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        self.reads += num_samples is None  # an evaluation also reads the middle second
        return self.sources[..., start : self.stop(start, num_samples)]


class Gains(nn.Module):
    """Each estimate is the mixture at a level of its own."""

    def __init__(self, *gains: float) -> None:
        super().__init__()
        self.gains = nn.Parameter(torch.tensor(gains, dtype=torch.float32))

    def forward(self, mixture: Tensor) -> Tensor:
        return self.gains[:, None, None] * mixture[:, None]  # (B, S, C, T)


class Counting(Gains):
    """Counts the pieces that it separates."""

    def __init__(self, *gains: float) -> None:
        super().__init__(*gains)
        self.pieces = 0

    def forward(self, mixture: Tensor) -> Tensor:
        self.pieces += len(mixture)
        return super().forward(mixture)


def kept(folder: Path) -> list[Excerpt]:
    return read_excerpts(folder / EXCERPTS)


def songs() -> list[Song]:
    return [Song('a "quoted" <b>/ö', 1), Song("b", 2), Song("c", 3)]


def with_excerpts(tracks: int = 2, seconds: float = 1.0) -> Evaluation:
    excerpts = ExcerptSettings(tracks, seconds)
    return replace(RUN, settings=replace(SETTINGS, excerpts=excerpts))


def test_the_first_tracks_keep_the_stretch_in_which_every_source_is_heard(tmp_path: Path) -> None:
    tracks = songs()
    evaluate(Gains(0.8, 0.3), tracks, RUN, tmp_path)
    excerpts = kept(tmp_path)
    assert [excerpt.track for excerpt in excerpts] == [track.name for track in tracks[:2]]
    for excerpt, track in zip(excerpts, tracks, strict=False):
        stretch = track.sources[..., 2 * RATE :]
        assert (excerpt.start, excerpt.sample_rate) == (2 * RATE, RATE)
        assert excerpt.sources == AUDIO.sources
        assert torch.equal(excerpt.mixture(), stretch.sum(0))
        for source, reference in zip(AUDIO.sources, stretch, strict=True):
            assert torch.equal(excerpt.reference(source), reference)


def test_estimates_are_those_of_the_whole_track_beyond_full_scale_too(tmp_path: Path) -> None:
    generator, track = Gains(3.0, 0.3), songs()[0]
    evaluate(generator, [track], RUN, tmp_path)
    (excerpt,) = kept(tmp_path)
    whole = separate(generator, track.sources.sum(0), SETTINGS.overlap_add(AUDIO, RUN.seed))
    estimates = torch.stack([excerpt.estimate(source) for source in AUDIO.sources])
    assert torch.equal(estimates, whole[..., 2 * RATE :])
    assert estimates.abs().max() > 1


def test_the_quietest_source_decides_where_the_stretch_begins() -> None:
    sources = torch.zeros(2, 1, 10)
    sources[0, 0, :5], sources[1, 0, 4:] = 3.0, 1.0
    # Four samples from 3 on: 18 and 3; from 4 on: 9 and 4; from 2 on: 27 and 2.
    assert telling_start(sources, 4, 1) == 4
    assert telling_start(sources, 4, 3) == 3


def test_a_source_that_never_sounds_leaves_the_choice_to_the_others() -> None:
    sources = torch.zeros(3, 2, 12)
    sources[0] = 1.0
    sources[2, 0, 8:10] = 0.5
    assert telling_start(sources, 2, 1) == 8
    assert telling_start(torch.zeros(2, 1, 12), 2, 1) == 0


def test_a_short_track_is_kept_whole(tmp_path: Path) -> None:
    evaluate(Gains(0.8, 0.3), songs()[:1], with_excerpts(seconds=60.0), tmp_path)
    (excerpt,) = kept(tmp_path)
    assert (excerpt.start, excerpt.mixture().shape) == (0, (1, 3 * RATE))


def test_excerpts_are_of_the_separation_that_was_scored(tmp_path: Path) -> None:
    scored, both = Counting(0.8, 0.3), Counting(0.8, 0.3)
    rows = evaluate(scored, songs(), with_excerpts(tracks=0), tmp_path / "scored")
    assert evaluate(both, songs(), RUN, tmp_path / "both") == rows
    assert both.pieces == scored.pieces > 0
    # Asked for afterwards, they cost their two of three tracks, and no score changes.
    assert evaluate(scored, songs(), RUN, tmp_path / "scored") == rows
    assert 3 * scored.pieces == 5 * both.pieces
    for one, other in zip(kept(tmp_path / "both"), kept(tmp_path / "scored"), strict=True):
        assert torch.equal(one.estimate("music"), other.estimate("music"))


def test_what_is_there_is_kept_until_weights_or_settings_change(tmp_path: Path) -> None:
    def reads(generator: nn.Module, evaluation: Evaluation) -> list[int]:
        tracks = songs()
        evaluate(generator, tracks, evaluation, tmp_path)
        return [track.reads for track in tracks]

    assert reads(Gains(0.8, 0.3), RUN) == [1, 1, 1]
    assert reads(Gains(0.8, 0.3), RUN) == [0, 0, 0]
    assert reads(Gains(0.8, 0.3), with_excerpts(seconds=2.0)) == [1, 1, 0]
    assert kept(tmp_path)[0].estimate("music").numel() == 2 * RATE
    louder = kept(tmp_path)[0].estimate("music").abs().max()
    assert reads(Gains(0.4, 0.3), with_excerpts(seconds=2.0)) == [1, 1, 1]
    assert kept(tmp_path)[0].estimate("music").abs().max() == louder / 2
    assert reads(Gains(0.4, 0.3), replace(with_excerpts(seconds=2.0), seed=8)) == [1, 1, 1]


def test_excerpts_that_nobody_asks_for_any_more_are_removed(tmp_path: Path) -> None:
    evaluate(Gains(0.8, 0.3), songs(), RUN, tmp_path)
    evaluate(Gains(0.8, 0.3), songs()[1:], with_excerpts(tracks=1), tmp_path)
    assert [excerpt.track for excerpt in kept(tmp_path)] == ["b"]
    evaluate(Gains(0.8, 0.3), songs(), with_excerpts(tracks=0), tmp_path)
    assert kept(tmp_path) == []
    assert read_excerpts(tmp_path / "nowhere") == []


def test_an_interrupted_excerpt_does_not_count_and_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopsError(Exception):
        pass

    def stops(*_: object) -> None:
        raise StopsError

    evaluate(Gains(0.8, 0.3), songs(), RUN, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("gan_sep.audio.write", stops)
        with pytest.raises(StopsError):
            evaluate(Gains(0.8, 0.4), songs(), RUN, tmp_path)
    assert [excerpt.track for excerpt in kept(tmp_path)] == ["b"]
    evaluate(Gains(0.8, 0.4), songs(), RUN, tmp_path)
    assert len(kept(tmp_path)) == 2


def test_processes_share_the_tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def second_process() -> None:
        """The barrier of the first: there the second one's share is done."""
        be_process(monkeypatch, 1, 2)
        evaluate(generator, tracks, RUN, tmp_path)
        be_process(monkeypatch, 0, 2)

    generator, tracks = Gains(0.8, 0.3), songs()
    evaluate(generator, songs()[2:], with_excerpts(tracks=0), tmp_path)  # not the second one's
    be_process(monkeypatch, 0, 2, second_process)
    evaluate(generator, tracks, RUN, tmp_path)
    assert [track.reads for track in tracks] == [1, 1, 0]
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("content", ["{", "[]", '{"track": "a"}'])
def test_a_damaged_description_is_an_error_that_names_its_file_and_is_written_again(
    tmp_path: Path, content: str
) -> None:
    evaluate(Gains(0.8, 0.3), songs()[1:2], RUN, tmp_path)
    (tmp_path / EXCERPTS / "b" / "excerpt.json").write_text(content)
    with pytest.raises(ValueError, match=r"excerpt\.json: expected .* evaluate again"):
        Excerpt.at(tmp_path / EXCERPTS / "b")
    evaluate(Gains(0.8, 0.3), songs()[1:2], RUN, tmp_path)
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(("field", "value"), [("tracks", -1), ("seconds", 0.5)])
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field}: expected at least"):
        ExcerptSettings(**{field: value})  # type: ignore[arg-type]
