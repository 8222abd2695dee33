"""A run: steps, records, validation, diagnosis and checkpoints, from wherever it stands."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from torch import nn
from tqdm import tqdm

from gan_sep.adversarial.probe import Probe
from gan_sep.config.loader import to_dict
from gan_sep.config.run import LAST, RunConfig
from gan_sep.data.base import DataError, Track
from gan_sep.data.check import (
    SHORTEST,
    check_tracks,
    fingerprint,
    open_splits,
    require_same,
    same_names,
    tell,
)
from gan_sep.data.unpaired import Pools
from gan_sep.evaluation.evaluate import validation_scores
from gan_sep.evaluation.metrics import require_installed
from gan_sep.runs import RunFolder, finite, json_text, write_text
from gan_sep.training import checkpoint
from gan_sep.training.budget import Budget
from gan_sep.training.environment import extend_run_description, write_run_description
from gan_sep.training.interrupt import StopRequest
from gan_sep.training.learners import Learners
from gan_sep.training.memory import peak_memory_mib, reset_peak_memory
from gan_sep.training.processes import (
    accelerator_for,
    random_state,
    restore_random_state,
)
from gan_sep.training.records import Meter, RecordFile, nested
from gan_sep.training.start import (
    branching_step,
    keep,
    start_weights,
    steps_made,
    take_state,
    what_differs,
)
from gan_sep.training.stream import Stream
from gan_sep.training.threads import use_threads
from gan_sep.training.trackers import Trackers, require_trackers


class InterruptedRunError(RuntimeError):
    """A run that was asked to stop, by a signal or SPENT, saved itself and can be resumed."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


@dataclass
class Best:
    """The validation score that model selection goes by, and the step that reached it."""

    score: float = float("-inf")
    step: int = -1
    average: int = 0  # which of the networks that a validation chooses from


class Run:
    """One run; `train` takes it from its newest checkpoint, or nothing, to the end.

    arm: what the run stands for in a comparison. trunk: the run that may have made its first steps.
    """

    def __init__(self, config: RunConfig, arm: str, trunk: RunFolder | None = None) -> None:
        require_trackers(config.training.trackers)
        require_installed((*config.evaluation.metrics, *config.evaluation.validation))
        self.config = config
        self.folder = RunFolder.of(config, arm)
        self.trunk = trunk
        self.accelerator = accelerator_for(config)
        use_threads(config.training.threads, self.accelerator)
        splits, errors = open_splits(config.data, config.audio)
        self.train_tracks, self.valid_tracks = splits["train"], splits["valid"]
        self.pools = self._pools(splits, errors)
        with self.accelerator.main_process_first():  # what it decodes, the others need not
            self.data = self._checked_data(splits, errors)
        self.track_counts = {
            "train": len(self.train_tracks),
            "of them paired": len(self.pools.paired),
            "valid": len(self.valid_tracks),
            "test": len(splits["test"]),
        }
        self.learners = Learners(self.config, self.accelerator)
        self.stream = Stream(self.config, self.pools, self.accelerator)
        self.meter = Meter()
        self.best = Best()
        self.step = 0

    def _pools(self, splits: Mapping[str, Sequence[Track]], errors: list[DataError]) -> Pools:
        """What is learned from; files that cannot be opened become one more of `errors`."""
        config, train = self.config, splits["train"]
        if config.unpaired is not None:
            # The plain run sets the same tracks aside as its counterpart, and learns from the rest.
            try:
                held_out = [*splits["valid"], *splits["test"]]
                return config.unpaired.build(config.audio, train, held_out)
            except DataError as error:
                errors.append(error)
            except ValueError:
                if not errors:  # else it may come of the tracks that are missing
                    raise
        return Pools(list(train), [], [])

    def _checked_data(
        self, splits: Mapping[str, Sequence[Track]], errors: Sequence[DataError]
    ) -> dict[str, dict[str, str]]:
        """The data's fingerprint.

        Raises DataError where the data are not what the run needs, and ValueError where they are
        not those of an earlier call or of the trunk.
        """
        config, train_tracks = self.config, set(splits["train"])
        groups: dict[str, Sequence[Track]] = dict(splits)
        groups["unpaired"] = [track for track in self.pools.unpaired if track not in train_tracks]
        seconds = config.training.segment_seconds + config.augment.reserve_seconds
        unpaired = config.audio.samples(seconds)
        reason = "training.segment_seconds and, read beside it, augment.shift.seconds"
        if config.augment.repitch is not None:
            reason += f", for repitching x {1 + config.augment.repitch.tempo_limit:g}"
        paired = config.augment.samples_read(unpaired)
        held_out = SHORTEST, "the window of a metric"
        needed = {"train": (paired, reason), "unpaired": (unpaired, reason)}
        needed |= {"valid": held_out, "test": held_out}
        check_tracks(groups, needed, getattr(config.data, "check", "full") == "full", errors)
        if self.accelerator.is_main_process:
            tell(same_names(groups))
        found = fingerprint(groups)
        for run in (self.folder, self.trunk):
            if run is not None:
                require_same(run.data_file, found)
        return found

    def train(self, budget: Budget | None = None) -> Path:
        """Run to the last step and return the file with the weights to evaluate.

        A run without a checkpoint begins as its `start` says, or where it branches off its trunk,
        if that came so far, see `gan_sep.training.start`.

        Raises InterruptedRunError after saving on SIGINT or SIGTERM, or where the budget is used
        up; NonFiniteError on NaN or infinity, CheckpointError where a checkpoint cannot be written
        or read.
        """
        newest = checkpoint.latest(self.folder.checkpoints)
        state = checkpoint.load(newest) if newest else self._begin()
        records = {"records": 0, "timing": 0}
        if state is not None:
            with checkpoint.fitting(newest or self.folder.folder):
                if newest:
                    self._require_own(state, checkpoint.step_of(newest))
                self._restore(state)
                records = {name: int(state["files"][name]) for name in records}
            self._require_best()
            if newest and self.accelerator.is_main_process:
                extend_run_description(self.folder, self.config)
        if self.accelerator.is_main_process:
            write_text(self.folder.data_file, json_text(self.data))
            self.records = RecordFile(self.folder.records_file, records["records"])
            self.timing = RecordFile(self.folder.timing_file, records["timing"])
            tracks = self.valid_tracks[:2]
            self.trackers = Trackers(self.folder.folder, self.config, tracks, self.step)
        if self.learners.adversary is not None:
            self.probe = Probe(self.config, self.pools.paired, self.valid_tracks, self.accelerator)
        reset_peak_memory()
        with StopRequest(self.accelerator, budget) as stop:
            self._loop(stop)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.records.close()
            self.timing.close()
            self.trackers.close()
        return self.folder.best

    def _begin(self) -> dict[str, Any] | None:
        """The state to begin with, None for fresh weights or those of `start`; a description."""
        start, state, begins = self.config.start, None, None
        origin = self._origin()
        self.accelerator.wait_for_everyone()
        if origin is not None:
            state = take_state(self.folder, self.config, *origin, self.accelerator)
            begins = {"run": str(origin[0].folder), "step": origin[1]}
        elif start is not None:
            taken = self.learners.begin_with(start_weights(self.config), start)
            origin_name = str(start.file or start.run)
            begins = {
                "weights": origin_name,
                "left_as_drawn": taken.left,
                "not_taken": taken.unwanted,
            }
            if self.accelerator.is_main_process:
                print(f"{origin_name}: {taken}")
        if self.accelerator.is_main_process:
            more = {"parameters": self.learners.parameters, "begins": begins}
            write_run_description(
                self.folder, self.config, self.accelerator, self.track_counts, more
            )
        return state

    def _origin(self) -> tuple[RunFolder, int] | None:
        """The run and the step whose state this one goes on from, or None."""
        start = self.config.start
        if start is not None and start.take == "everything":
            assert start.run is not None
            assert start.step is not None
            return RunFolder.at(start.run), start.step
        if self.trunk is None or not branching_step(self.config):
            return None
        made = steps_made(self.trunk, self.config)
        if not made and self.trunk.config_file.is_file() and self.accelerator.is_main_process:
            print(
                f"{self.folder.folder}: trained from step 0, not from step "
                f"{branching_step(self.config)} of {self.trunk.folder}: "
                f"{what_differs(self.trunk, self.config)}"
            )
        return (self.trunk, made) if made else None

    def _loop(self, stop: StopRequest) -> None:
        settings = self.config.training
        bar = tqdm(
            total=settings.steps,
            initial=self.step,
            desc=f"{self.folder.arm:5} seed {self.config.seed}",
            unit="step",
            disable=not self.accelerator.is_main_process,
            dynamic_ncols=True,
        )
        seconds: list[float] = []  # of the steps since the last record, reading included
        started = time.perf_counter()
        with bar:
            for micro_batches in self.stream.steps(self.step, settings.steps):
                self.meter.add(self.learners.step(micro_batches, self.step))
                self.step += 1
                stop.budget.step_taken()
                bar.update()
                seconds.append(time.perf_counter() - started)
                if self._due(settings.log_every):
                    self._log(sum(seconds) / len(seconds), bar)
                    seconds = []
                self._check_up()
                if self._branches():
                    self._keep()
                requested = stop.received()
                if requested or self._due(settings.checkpoint_every):
                    self._save()
                if requested:
                    raise InterruptedRunError(
                        f"{self.folder.folder}: stopped at step {self.step} of {settings.steps}; "
                        "continue with --resume",
                        requested,
                    )
                started = time.perf_counter()

    def _branches(self) -> bool:
        """Whether other runs may go on from this step."""
        plain = self.config.discriminator is None
        shared = plain and self.step == branching_step(self.config) > 0
        return shared or self.step in self.config.training.keep_steps

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.config.training.steps

    def _log(self, seconds: float, bar: "tqdm[Any]") -> None:
        means = self.meter.read(self.accelerator)
        if not self.accelerator.is_main_process:
            return
        record = nested(means, self.config.audio.sources)
        self.records.write({"step": self.step, "kind": "train", **record})
        self.timing.write(
            {
                "step": self.step,
                "seconds_per_step": seconds,
                "peak_memory_mib": peak_memory_mib(self.accelerator.device),
            }
        )
        self.trackers.add_scalars(record, self.step)
        best = {"best": f"{self.best.score:.2f} dB"} if self.best.step >= 0 else {}
        loss = means["loss/reconstruction"].mean()
        bar.set_postfix({"loss": f"{loss:.3g}", **best})

    def _check_up(self) -> None:
        """Validation, model selection and the questioning of the discriminators, where due."""
        if self._due(self.config.training.validate_every):
            self._validate()
        adversary = self.learners.adversary
        if adversary is None or not self._due(self.config.diagnosis.every):
            return
        if adversary.learns(self.step - 1):  # in the step that was just made
            discriminator = adversary.discriminator.network
            sources = self.probe.question(self.learners.generator.network, discriminator)
            if self.accelerator.is_main_process:
                record = finite({"step": self.step, "kind": "diagnosis", "sources": sources})
                self.records.write(record)
                self.trackers.add_scalars(record, self.step)

    def _validate(self) -> None:
        candidates = self.learners.end_epoch()
        scored = [self._scores(network) for network in candidates]
        metric = self._validation_metric
        number = max(range(len(scored)), key=lambda each: scored[each][metric]["All"])
        scores = scored[number]
        score = scores[metric]["All"]
        self.learners.scores.append(score)
        improved = score > self.best.score or self.config.training.select == LAST
        if improved:
            self.best = Best(score, self.step, number)
        if self.accelerator.is_main_process:
            which = {"average": ("step", "epoch")[number]} if len(scored) > 1 else {}
            record = finite({"step": self.step, "kind": "valid", **which, **scores})
            self.records.write(record)
            self.trackers.add_scalars({"valid": scores}, self.step)
            self.trackers.add_separations(candidates[number], self.step)
            if improved:
                self._save_best()
        self.accelerator.wait_for_everyone()

    @property
    def _validation_metric(self) -> str:
        """What a validation is summed up by; by uSDR where it selects no weights."""
        select = self.config.training.select
        return "usdr" if select == LAST else select

    def _scores(self, network: nn.Module) -> dict[str, dict[str, float]]:
        """Of the validation tracks. Raises ValueError where the selecting metric has no value."""
        scores = validation_scores(
            network, self.valid_tracks, self.config.audio, self.config.evaluation
        )
        if math.isnan(scores[self._validation_metric]["All"]):
            raise ValueError(
                f"{self._validation_metric}: no validation track gives every source a value, "
                "because references or estimates are silent; choose other validation tracks"
            )
        return scores

    def _save_best(self) -> None:
        checkpoint.save(
            self.folder.best,
            {
                "config": to_dict(self.config),
                "generator": self.learners.candidates[self.best.average].state_dict(),
                "score": self.best.score,
                "step": self.best.step,
            },
        )

    def _require_best(self) -> None:
        """The weights to evaluate are made again where they are gone and are those of this step.

        Raises CheckpointError where they are gone and were those of a step before.
        """
        if self.best.step < 0 or self.folder.best.is_file():
            return
        if self.best.step < self.step:
            raise checkpoint.CheckpointError(
                f"{self.folder.best}: gone, it held the weights of step {self.best.step}; delete "
                f"the checkpoints of later steps in {self.folder.checkpoints} and continue with "
                "--resume, or delete the run's folder where there are none before"
            )
        if self.accelerator.is_main_process:
            self._save_best()

    def _save(self) -> None:
        """A checkpoint of everything, by the main process; older ones go after it is on disk."""
        state = self._state()
        if self.accelerator.is_main_process:
            folder = self.folder.checkpoints
            checkpoint.save(checkpoint.path_of(folder, self.step), state)
            checkpoint.prune(folder, self.config.training.keep_checkpoints)
        self.accelerator.wait_for_everyone()

    def _keep(self) -> None:
        """What other runs go on from, by the main process."""
        state = self._state()
        if self.accelerator.is_main_process:
            keep(self.folder, state)
        self.accelerator.wait_for_everyone()

    def _state(self) -> dict[str, Any]:
        """Everything a run needs to go on, in the main process; elsewhere nothing."""
        random_states = gather_object([random_state()])
        if not self.accelerator.is_main_process:
            return {}
        return {
            "step": self.step,
            "config": to_dict(self.config),
            **self.learners.state_dict(),
            "meter": self.meter.state_dict(),
            "best": asdict(self.best),
            "files": {"records": self.records.position(), "timing": self.timing.position()},
            "random": random_states,
        }

    def _require_own(self, state: dict[str, Any], step: int) -> None:
        """ValueError where a state is of another step than its file's name says, or another arm."""
        expected = step, self.learners.adversary is not None
        found = state["step"], state["adversary"] is not None
        if found != expected:
            said = [
                f"step {n!r} {'with' if has else 'without'} discriminators"
                for n, has in (expected, found)
            ]
            raise ValueError(f"expected the state of {said[0]}, found that of {said[1]}")

    def _restore(self, state: dict[str, Any]) -> None:
        self.learners.load_state_dict(state)
        self.meter.load_state_dict(state["meter"], self.accelerator.device)
        self.best = Best(**state["best"])
        self.step = state["step"]
        # With more processes than before, the further ones keep the state their seed gave them.
        if self.accelerator.process_index < len(state["random"]):
            restore_random_state(state["random"][self.accelerator.process_index])
