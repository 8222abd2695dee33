"""Validation, and which weights of a run are evaluated: those of `training.select`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accelerate import Accelerator
from torch import nn

from gan_sep.config.loader import to_dict
from gan_sep.config.run import LAST, RunConfig
from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import validation_scores
from gan_sep.runs import RunFolder
from gan_sep.training import checkpoint

Scores = dict[str, dict[str, float]]
"""Metric -> source or All -> value."""


@dataclass
class Best:
    """The validation score that model selection goes by, and the step that reached it."""

    score: float = float("-inf")
    step: int = -1
    average: int = 0  # which of the networks that a validation chooses from


class Selection:
    """Scores networks on the validation tracks and remembers the best; `best` is its state.

    metric: what a validation is summed up by; uSDR where it selects no weights.
    """

    def __init__(self, config: RunConfig, folder: RunFolder, tracks: Sequence[Track]) -> None:
        self.config, self.folder, self.tracks = config, folder, tracks
        select = config.training.select
        self.metric = "usdr" if select == LAST else select
        self.best = Best()

    def choose(
        self, candidates: Sequence[nn.Module], step: int, before_each: Callable[[], None]
    ) -> tuple[int, Scores, bool]:
        """Number and scores of the best candidate, and whether its weights are to be saved.

        before_each: see `validation_scores`. Raises as `scores`.
        """
        scored = [self.scores(network, before_each) for network in candidates]
        values = [scores[self.metric]["All"] for scores in scored]
        number = values.index(max(values))
        improved = values[number] > self.best.score or self.config.training.select == LAST
        if improved:
            self.best = Best(values[number], step, number)
        return number, scored[number], improved

    def scores(self, network: nn.Module, before_each: Callable[[], None] = lambda: None) -> Scores:
        """Of the validation tracks. Raises ValueError where the selecting metric has no value."""
        config = self.config
        scores = validation_scores(
            network, self.tracks, config.audio, config.evaluation, before_each
        )
        if math.isnan(scores[self.metric]["All"]):
            raise ValueError(
                f"{self.metric}: no validation track gives every source a value, "
                "because references or estimates are silent; choose other validation tracks"
            )
        return scores

    def save(self, candidates: Sequence[nn.Module]) -> None:
        """Write the weights to evaluate."""
        checkpoint.save(
            self.folder.best,
            {
                "config": to_dict(self.config),
                "generator": candidates[self.best.average].state_dict(),
                "score": self.best.score,
                "step": self.best.step,
            },
        )

    def require_best(
        self, candidates: Sequence[nn.Module], step: int, accelerator: Accelerator
    ) -> None:
        """The weights to evaluate are made again where they are gone and are those of this step.

        Raises CheckpointError where they are gone and were those of a step before.
        """
        if self.best.step < 0 or self.folder.best.is_file():
            return
        if self.best.step < step:
            raise checkpoint.CheckpointError(
                f"{self.folder.best}: gone, it held the weights of step {self.best.step}; delete "
                f"the checkpoints of later steps in {self.folder.checkpoints} and continue with "
                "--resume, or delete the run's folder where there are none before"
            )
        if accelerator.is_main_process:
            self.save(candidates)
