"""How long a study will take: from the step times on record, else from a few steps on the spot."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accelerate.utils import tqdm
from torch import Tensor

from gan_sep.config.run import RunConfig
from gan_sep.evaluation.references import oracle_estimates
from gan_sep.evaluation.scores import track_scores
from gan_sep.evaluation.separate import separate
from gan_sep.runs import RunFolder
from gan_sep.studies.settings import Study
from gan_sep.studies.work import Work, survey
from gan_sep.training.lifecycle import Member
from gan_sep.training.loop import Run
from gan_sep.training.player import NonFiniteError
from gan_sep.training.processes import accelerator_for
from gan_sep.training.start import common_steps, steps_made
from gan_sep.training.threads import use_threads

SAMPLED_STEPS = 3
EXCERPT_SECONDS = 10.0


@dataclass(frozen=True)
class EvaluationSeconds:
    """What evaluating the test tracks takes: of one arm, and of mixture and oracles together."""

    arm: float
    reference_systems: float


class Forecast:
    """Estimated seconds of the works of a study; NaN where nothing is known.

    Training counts steps alone: validation and checkpoints come on top. Evaluation counts whole,
    also where some tracks are finished already.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        """Measures what is not on record, writing nothing; all processes call it together."""
        self._works = works
        self._sampled: dict[str, float] = {}
        self._evaluation = EvaluationSeconds(0, 0)
        pending = [work for work in works if work.state != "done"]
        if not pending:
            return
        to_train = {work.arm: work for work in works if work.steps_left}
        untimed = [name for name in to_train if math.isnan(self._recorded(name))]
        with tqdm(total=len(untimed) + 1, unit="arm", leave=False) as bar:
            for name in untimed:
                bar.set_description(f"timing a step of {name}")
                self._sampled[name] = sampled_step_seconds(to_train[name].member)
                bar.update()
            bar.set_description("timing an evaluation")
            self._evaluation = sampled_evaluation_seconds(pending[0].config)

    def seconds(self, work: Work) -> float:
        """What is left of an arm, without mixture and oracles."""
        if work.state == "done":
            return 0.0
        steps = self._steps_to_make(work)
        training = steps * self._step_seconds(work.arm) if steps else 0.0
        return training + self._evaluation.arm

    def total(self, works: Sequence[Work]) -> float:
        """What is left of the works; mixture and oracles count once, in the first evaluation."""
        first = any(work.state == "done" for work in self._works)
        pending = any(work.state != "done" for work in works)
        reference_systems = self._evaluation.reference_systems if pending and not first else 0.0
        return sum(map(self.seconds, works)) + reference_systems

    def _steps_to_make(self, work: Work) -> int:
        """Training steps left, without those that the trunk makes for a run."""
        start, trunk = work.config.start, work.member.trunk
        if start is not None and start.take == "everything" and work.state == "to do":
            return work.steps_left - (start.step or 0)
        if work.state != "to do" or trunk is None:
            return work.steps_left
        beside = [
            common_steps(other.config, work.config)
            for other in self._works
            if other.folder == trunk
        ]
        return work.steps_left - max([*beside, steps_made(trunk, work.config)])

    def _step_seconds(self, arm: str) -> float:
        recorded = self._recorded(arm)
        return self._sampled.get(arm, math.nan) if math.isnan(recorded) else recorded

    def _recorded(self, arm: str) -> float:
        """The mean on record over all seeds of an arm."""
        seconds = [
            line["seconds_per_step"]
            for work in self._works
            if work.arm == arm
            for line in work.folder.timing
        ]
        return sum(seconds) / len(seconds) if seconds else math.nan


def sampled_step_seconds(member: Member) -> float:
    """Seconds of a training step after the warm-up, the shortest of a few; NaN if they diverge."""
    run = Run(member.config, member.arm)
    first = member.config.adversarial.warmup_steps
    seconds = []
    try:
        started = time.perf_counter()
        # The first step also prepares what all later ones use.
        for micro_batches in run.stream.steps(first, first + 1 + SAMPLED_STEPS):
            run.learners.step(micro_batches, first)
            seconds.append(time.perf_counter() - started)
            started = time.perf_counter()
    except NonFiniteError:
        return math.nan
    finally:
        run.accelerator.free_memory()
    return min(seconds[1:])


def sampled_evaluation_seconds(config: RunConfig) -> EvaluationSeconds:
    """From one excerpt, separated by an untrained generator and scored as the settings say."""
    accelerator = accelerator_for(config)
    use_threads(config.training.threads, accelerator)
    tracks = config.data.build(config.audio, "test")
    excerpt = min(tracks[0].num_samples, config.audio.samples(EXCERPT_SECONDS))
    references = tracks[0].read(0, excerpt)  # (S, C, T)
    generator = config.generator.build(config.audio).to(accelerator.device)
    how = config.evaluation.overlap_add(config.audio, config.seed)

    def score(estimates: Tensor) -> None:
        track_scores(references, estimates, config.audio.sample_rate, config.evaluation)

    def arm() -> None:
        score(separate(generator, references.sum(0), how))

    def reference_systems() -> None:
        for oracle in config.evaluation.oracles:
            score(oracle_estimates(references, oracle))
        score(references.sum(0).expand_as(references))

    share = sum(track.num_samples for track in tracks) / excerpt / accelerator.num_processes
    return EvaluationSeconds(seconds_of(arm) * share, seconds_of(reference_systems) * share)


def seconds_of(work: Callable[[], None]) -> float:
    """Wall time of the second of two calls; the first one loads what the work needs."""
    work()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_words(seconds: float) -> str:
    """A duration for people, to the minute."""
    if math.isnan(seconds):
        return "unknown time"
    minutes = math.ceil(seconds / 60)
    if minutes <= 1:
        return "about a minute" if minutes else "no time"
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest:02d} min" if hours else f"about {minutes} min"


def plans(studies: Sequence[Study]) -> str:
    """The plan of each study, and of several the time of all; arms in common count once."""
    seen: set[RunFolder] = set()
    parts, seconds = [], 0.0
    for settings, members in studies:
        works = [work for work in survey(members) if work.folder not in seen]
        seen |= {work.folder for work in works}
        forecast = Forecast(works)
        seconds += forecast.total(works)
        title = f"{settings.report_folder}\n" if len(studies) > 1 else ""
        parts.append(title + (plan(works, forecast) if works else "All arms are those of others."))
    if len(studies) > 1:
        parts.append(f"All studies {in_words(seconds)}.")
    return "\n\n".join(parts)


def plan(works: Sequence[Work], forecast: Forecast) -> str:
    """One line per seed and arm, and one for all."""
    names = [work.name for work in works]
    states = [str(work) for work in works]
    times = ["" if w.state == "done" else in_words(forecast.seconds(w)) for w in works]
    width, wide = max(map(len, names)), max(map(len, states))
    lines = [
        f"{name:{width}}  {state:{wide}}  {taken}".rstrip()
        for name, state, taken in zip(names, states, times, strict=True)
    ]
    return "\n".join([*lines, f"In all {in_words(forecast.total(works))}."])
