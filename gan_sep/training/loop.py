"""A run: steps, records, validation, diagnosis and checkpoints, from wherever it stands."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from tqdm import tqdm

from gan_sep.adversarial.probe import Probe
from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.evaluation.metrics import require_installed
from gan_sep.runs import RunFolder, finite, json_text, write_text
from gan_sep.training import checkpoint
from gan_sep.training.budget import Budget
from gan_sep.training.environment import extend_run_description, write_run_description
from gan_sep.training.interrupt import SPENT, StopRequest
from gan_sep.training.learners import Learners
from gan_sep.training.material import Material
from gan_sep.training.memory import peak_memory_mib, reset_peak_memory
from gan_sep.training.processes import (
    accelerator_for,
    random_state,
    restore_random_state,
)
from gan_sep.training.records import Meter, RecordFile, nested
from gan_sep.training.selection import Best, Selection
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


class _StoppedValidationError(Exception):
    """A signal came during a validation, which is then as if it had not begun."""


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
        self.material = Material.checked(config, (self.folder, trunk), self.accelerator)
        self.learners = Learners(config, self.accelerator)
        self.stream = Stream(config, self.material.pools, self.accelerator)
        self.selection = Selection(config, self.folder, self.material.splits["valid"])
        self.meter = Meter()
        self.step = 0
        self.due = False  # whether the validation of this step was stopped and is to be made

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
                    self.due = checkpoint.is_due(newest)
                self._restore(state)
                records = {name: int(state["files"][name]) for name in records}
            self.selection.require_best(self.learners.candidates, self.step, self.accelerator)
            if newest and self.accelerator.is_main_process:
                extend_run_description(self.folder, self.config)
        if self.accelerator.is_main_process:
            write_text(self.folder.data_file, json_text(self.material.fingerprint))
            self.records = RecordFile(self.folder.records_file, records["records"])
            self.timing = RecordFile(self.folder.timing_file, records["timing"])
            tracks = self.material.splits["valid"][:2]
            self.trackers = Trackers(self.folder.folder, self.config, tracks, self.step)
        if self.learners.adversary is not None:
            paired, valid = self.material.pools.paired, self.material.splits["valid"]
            self.probe = Probe(self.config, paired, valid, self.accelerator)
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
                self.folder, self.config, self.accelerator, self.material.counts, more
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
            if self.due:
                self._conclude(stop)
            for micro_batches in self.stream.steps(self.step, settings.steps):
                self.meter.add(self.learners.step(micro_batches, self.step))
                self.step += 1
                stop.budget.step_taken()
                bar.update()
                seconds.append(time.perf_counter() - started)
                if self._due(settings.log_every):
                    self._log(sum(seconds) / len(seconds), bar)
                    seconds = []
                if self._due(settings.validate_every):
                    self.learners.end_epoch()
                self._conclude(stop)
                started = time.perf_counter()

    def _conclude(self, stop: StopRequest) -> None:
        """What comes after a step, its checkpoint last. Raises InterruptedRunError on a stop."""
        settings = self.config.training
        try:
            self._check_up(stop)
            self.due = False
        except _StoppedValidationError:
            self.due = True
        if not self.due and self._branches():
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
        reached = self.selection.best
        best = {"best": f"{reached.score:.2f} dB"} if reached.step >= 0 else {}
        loss = means["loss/reconstruction"].mean()
        bar.set_postfix({"loss": f"{loss:.3g}", **best})

    def _check_up(self, stop: StopRequest) -> None:
        """Validation, model selection and the questioning of the discriminators, where due."""
        if self._due(self.config.training.validate_every):
            self._validate(stop)
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

    def _validate(self, stop: StopRequest) -> None:
        candidates, random = self.learners.candidates, random_state()

        def heed() -> None:
            if stop.received() not in (0, SPENT):  # a budget might never see a validation's end
                restore_random_state(random)
                raise _StoppedValidationError

        number, scores, improved = self.selection.choose(candidates, self.step, heed)
        self.learners.scores.append(scores[self.selection.metric]["All"])
        if self.accelerator.is_main_process:
            which = {"average": ("step", "epoch")[number]} if len(candidates) > 1 else {}
            record = finite({"step": self.step, "kind": "valid", **which, **scores})
            self.records.write(record)
            self.trackers.add_scalars({"valid": scores}, self.step)
            self.trackers.add_separations(candidates[number], self.step)
            if improved:
                self.selection.save(candidates)
        self.accelerator.wait_for_everyone()

    def _save(self) -> None:
        """A checkpoint of everything, by the main process; older ones go after it is on disk."""
        state = self._state()
        if self.accelerator.is_main_process:
            folder = self.folder.checkpoints
            checkpoint.save(checkpoint.path_of(folder, self.step, self.due), state)
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
            "best": asdict(self.selection.best),
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
        self.selection.best = Best(**state["best"])
        self.step = state["step"]
        # With more processes than before, the further ones keep the state their seed gave them.
        if self.accelerator.process_index < len(state["random"]):
            restore_random_state(state["random"][self.accelerator.process_index])
