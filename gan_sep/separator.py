"""A trained separator as an object: what another program needs to separate music with it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat, resample, with_channels
from gan_sep.evaluation.separate import OverlapAdd, separate
from gan_sep.programs import load_run
from gan_sep.training.lifecycle import best_generator


@dataclass(frozen=True)
class Separator:
    """A generator with its weights, and how whole tracks go through it."""

    network: nn.Module
    audio: AudioFormat  # of the estimates; its sources name them
    how: OverlapAdd

    def separate(
        self, mixture: Tensor, sample_rate: int, progress: bool = False
    ) -> dict[str, Tensor]:
        """A mixture (C, T) at any rate, mono or stereo -> source -> (C', T') in `audio`'s format.

        Raises ValueError where the mixture is no finite (1, T) or (2, T) with a sample in it, or
        the estimates are not finite.
        """
        if mixture.ndim != 2 or mixture.shape[0] not in (1, 2) or not mixture.shape[1]:
            raise ValueError(f"mixture: expected (1 or 2, T), got shape {tuple(mixture.shape)}")
        if not mixture.isfinite().all():
            raise ValueError("mixture: holds NaN or inf")
        signal = with_channels(mixture.float(), self.audio.channels)
        signal = resample(signal, sample_rate, self.audio.sample_rate)  # (C', T')
        estimates = separate(self.network, signal, self.how, progress)  # (S, C', T')
        if not estimates.isfinite().all():
            raise ValueError("the estimates hold NaN; are the weights finite?")
        return dict(zip(self.audio.sources, estimates, strict=True))


def load_separator(path: str | Path, device: str | torch.device = "cpu") -> Separator:
    """The separator of a run's folder, runs/NAME/seed0-plain, with the weights that are evaluated.

    Raises FileNotFoundError where the folder holds no run, CheckpointError where it has no weights
    yet or they are damaged.
    """
    config, run = load_run(Path(path))
    network = best_generator(config, run).to(device)
    return Separator(
        network, config.audio, config.evaluation.overlap_add(config.audio, config.seed)
    )
