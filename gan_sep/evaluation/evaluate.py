"""Whole tracks in, evaluation rows out; interrupted evaluations continue where they stopped."""

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import Tensor, nn
from tqdm import tqdm

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation import metrics
from gan_sep.evaluation.excerpts import ExcerptKeeper
from gan_sep.evaluation.references import MIXTURE, REFERENCE_SYSTEMS, reference_estimates
from gan_sep.evaluation.rows import Finished, Row, TrackSpeed, TrackStore, write_table
from gan_sep.evaluation.scores import EvaluationSettings, Scores, track_scores
from gan_sep.evaluation.separate import separate
from gan_sep.runs import EXCERPTS, ROWS, SPEED

QUICK = "ratios"
"""The group of metrics that training computes on validation tracks."""


@dataclass(frozen=True)
class Evaluation:
    """What is measured and how: the format, the settings, and the arm and seed of the generator.

    The seed also draws the delays of the shift trick, the same for every track.
    Raises ValueError where the arm has the name of a reference system.
    """

    audio: AudioFormat
    settings: EvaluationSettings
    arm: str
    seed: int

    def __post_init__(self) -> None:
        if self.arm in REFERENCE_SYSTEMS:
            raise ValueError(f"arm: {self.arm!r} is the arm of the reference system of this name")

    @property
    def reference_systems(self) -> tuple[str, ...]:
        """The arms beside it that no training makes."""
        return (MIXTURE, *self.settings.oracles)


def evaluate(
    generator: nn.Module,
    tracks: Sequence[Track],
    evaluation: Evaluation,
    folder: Path,
) -> list[Row]:
    """Separates and scores whole tracks -> the rows of all tracks, also in folder/rows.csv.

    The processes that Accelerate knows of share the tracks; all of them get all rows.

    How long the generator took for each track is left in folder/separation.csv, and a stretch of
    each of the first tracks, as it was scored, in folder/excerpts.
    The rows of the arm `mixture`, the mixture as the estimate of every source, come first, then
    those of the oracles that the settings name, each an arm of its own. Each finished track leaves
    a file per arm in the folder, so that a second call does only what is missing; it starts anew
    where the weights, the settings, the format, or the track's length or middle second have
    changed. A silent source has rows too: NaN where the metric has no value.
    Raises ValueError without tracks, on two tracks of one name, and, naming the track, where a
    source holds NaN or inf, and where the estimates do or have another shape than the references.
    """
    _check_names(tracks)
    metrics.require_installed(evaluation.settings.metrics)
    scorer = _Scorer(generator, evaluation, folder, tracks)
    state, share = PartialState(), shared(tracks)
    with tqdm(share, desc=f"evaluate {evaluation.arm}", disable=not state.is_main_process) as bar:
        medians: list[float] = []
        for track in bar:
            scores = scorer.finish(track)
            bar.set_postfix_str(_running_median(scores, medians))
    state.wait_for_everyone()
    arms = [*evaluation.reference_systems, evaluation.arm]
    rows = [row for arm in arms for row in scorer.rows(tracks, arm)]
    if state.is_main_process:
        write_table(folder / ROWS, Row._fields, rows)
        write_table(folder / SPEED, TrackSpeed._fields, scorer.speeds(tracks))
        scorer.excerpts.remove_others(tracks)
    return rows


def validation_scores(
    generator: nn.Module,
    tracks: Sequence[Track],
    audio: AudioFormat,
    settings: EvaluationSettings,
    before_each: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, float]]:
    """The group `ratios` on whole held-out tracks -> metric -> source name and "All" -> value.

    Tracks are averaged as the registry says, those without a value left out; "All" is the mean of
    the sources. `settings` say how to separate; its metrics play no part. The same in every
    process, whatever their number.
    before_each is called before each track, by all processes equally often; it may raise.
    Raises ValueError as `evaluate` does.
    """
    _check_names(tracks)
    quick = replace(settings, metrics=(QUICK,))
    evaluation = Evaluation(audio, quick, arm="validation", seed=0)
    own, scored = shared(tracks), []
    for place in range(math.ceil(len(tracks) / PartialState().num_processes)):
        before_each()
        for track in own[place : place + 1]:  # none where other processes have the last ones
            scored.append((track.name, _validation_scores(generator, track, evaluation)))
    by_track = dict(sorted(gather_object(scored)))  # by name: sums depend on the order
    rows = next(iter(by_track.values()))
    return {
        row: _summary(row, [scores[row] for scores in by_track.values()], audio.sources)
        for row in rows
    }


def shared(tracks: Sequence[Track]) -> Sequence[Track]:
    """The tracks of this process: one in every num_processes."""
    state = PartialState()
    return tracks[state.process_index :: state.num_processes]


class _Scorer:
    """Scores tracks of one evaluation and keeps what is finished."""

    def __init__(
        self, generator: nn.Module, evaluation: Evaluation, folder: Path, tracks: Sequence[Track]
    ) -> None:
        self._generator = generator
        self._evaluation = evaluation
        arms = (*evaluation.reference_systems, evaluation.arm)
        self._stores = {arm: TrackStore(folder / arm) for arm in arms}
        measured: list[object] = [asdict(evaluation.audio), evaluation.settings.metrics]
        how = asdict(evaluation.settings)
        for name in ("oracles", "excerpts", "validation"):
            del how[name]  # the generator's own scores do not depend on them
        weights = weights_fingerprint(generator)
        separated = [how, evaluation.seed, weights]
        self._middles: dict[str, str] = {}
        self._inputs = dict.fromkeys(evaluation.reference_systems, measured)
        self._inputs[evaluation.arm] = [*measured, *separated]
        self.excerpts = ExcerptKeeper(
            folder / EXCERPTS,
            evaluation.settings.excerpts,
            evaluation.audio,
            evaluation.settings.overlap_add(evaluation.audio, evaluation.seed),
            weights,
        )
        self._missing_excerpts = self.excerpts.missing(tracks)

    def finish(self, track: Track) -> Scores:
        """The generator's scores; they, the reference systems' and the excerpt are stored."""
        stored = {arm: self._get(arm, track) for arm in self._stores}
        done = {arm: finished.scores for arm, finished in stored.items() if finished is not None}
        own, excerpt_missing = self._evaluation.arm, track.name in self._missing_excerpts
        if len(done) == len(stored) and not excerpt_missing:
            return done[own]
        references = references_of(track, self._evaluation.audio)  # (S, C, T)
        if excerpt_missing and own in done:  # scored in an earlier call: separated once more
            self.excerpts.keep(track, references, self._estimates(own, references))
        for arm in (arm for arm in stored if arm not in done):
            started = time.perf_counter()
            estimates = self._estimates(arm, references)  # (S, C, T)
            seconds = time.perf_counter() - started
            done[arm] = _named_scores(track, references, estimates, self._evaluation)
            if excerpt_missing and arm == own:
                self.excerpts.keep(track, references, estimates)
            left = Finished(done[arm], seconds)
            self._stores[arm].put(track.name, self._fingerprint(arm, track), left)
        return done[own]

    def _estimates(self, arm: str, references: Tensor) -> Tensor:
        """What an arm makes of the mixture: (S, C, T), on the CPU."""
        if arm == self._evaluation.arm:
            return separated(self._generator, references, self._evaluation)
        return reference_estimates(references, arm)

    def rows(self, tracks: Sequence[Track], arm: str) -> Iterator[Row]:
        """The rows of finished tracks, of all processes."""
        for track in tracks:
            for metric, values in self._finished(arm, track).scores.items():
                for source, value in zip(self._evaluation.audio.sources, values, strict=True):
                    yield Row(self._evaluation.seed, arm, track.name, source, metric, value)

    def speeds(self, tracks: Sequence[Track]) -> Iterator[TrackSpeed]:
        """How fast the generator was on finished tracks, of all processes, where it is known."""
        for track in tracks:
            taken = self._finished(self._evaluation.arm, track).separation_seconds
            if not math.isnan(taken):
                seconds = track.num_samples / self._evaluation.audio.sample_rate
                yield TrackSpeed(track.name, seconds, taken)

    def _finished(self, arm: str, track: Track) -> Finished:
        finished = self._get(arm, track)
        assert finished is not None  # all processes have passed the barrier
        return finished

    def _get(self, arm: str, track: Track) -> Finished | None:
        return self._stores[arm].get(track.name, self._fingerprint(arm, track))

    def _fingerprint(self, arm: str, track: Track) -> str:
        if track.name not in self._middles:
            self._middles[track.name] = _middle(track, self._evaluation.audio.sample_rate)
        length_and_middle = [track.num_samples, self._middles[track.name]]
        inputs = json.dumps([*length_and_middle, *self._inputs[arm]])
        return hashlib.sha256(inputs.encode()).hexdigest()


def references_of(track: Track, audio: AudioFormat) -> Tensor:
    """The whole track's sources (S, C, T). Raises ValueError where one holds NaN or inf."""
    references = track.read()  # (S, C, T)
    for source, signal in zip(audio.sources, references, strict=True):
        if not torch.isfinite(signal).all():
            raise ValueError(f"track {track.name}: {source} holds NaN or inf; check its file")
    return references


def _middle(track: Track, sample_rate: int) -> str:
    """A hash of the track's middle second: another version of a song has its name and length."""
    count = min(sample_rate, track.num_samples)
    sources = track.read((track.num_samples - count) // 2, count)  # (S, C, count)
    return hashlib.sha256(sources.contiguous().numpy().data).hexdigest()


def weights_fingerprint(network: nn.Module) -> str:
    """A hash of the network's structure as it prints and of the bits of its state."""
    digest = hashlib.sha256(repr(network).encode())
    for name, value in network.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def separated(generator: nn.Module, references: Tensor, evaluation: Evaluation) -> Tensor:
    """The generator's estimates of the references' mixture, both (S, C, T)."""
    how = evaluation.settings.overlap_add(evaluation.audio, evaluation.seed)
    return separate(generator, references.sum(0), how)


def _validation_scores(generator: nn.Module, track: Track, evaluation: Evaluation) -> Scores:
    references = references_of(track, evaluation.audio)  # (S, C, T)
    estimates = separated(generator, references, evaluation)
    return _named_scores(track, references, estimates, evaluation)


def _named_scores(
    track: Track, references: Tensor, estimates: Tensor, evaluation: Evaluation
) -> Scores:
    try:
        return track_scores(
            references, estimates, evaluation.audio.sample_rate, evaluation.settings
        )
    except ValueError as error:
        raise ValueError(f"track {track.name}: {error}") from error


def _summary(
    metric: str, values: Sequence[Sequence[float]], sources: Sequence[str]
) -> dict[str, float]:
    """One value per source, and their mean as "All", from (track, source) values."""
    known = metrics.METRICS.get(metric)
    average = np.nanmedian if known and known.average == "median" else np.nanmean
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN|Mean of empty", RuntimeWarning)
        by_source = average(np.array(values), axis=0)  # (tracks, S) -> (S,)
    summary = dict(zip(sources, by_source.tolist(), strict=True))
    return summary | {"All": float(by_source.mean())}


def _running_median(scores: Scores, medians: list[float]) -> str:
    """Adds a track to the list of its mean over sources and says the median so far."""
    metric, values = next(iter(scores.items()))
    mean = float(np.mean(values))
    if not math.isnan(mean):
        medians.append(mean)
    return f"median {metric} {np.median(medians):.2f}" if medians else ""


def _check_names(tracks: Sequence[Track]) -> None:
    names = [track.name for track in tracks]
    if not names:
        raise ValueError("expected at least one track to evaluate, got none")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"expected tracks of distinct names, got {repeated[0]!r} more than once")
