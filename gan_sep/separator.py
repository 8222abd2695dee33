"""A trained separator as an object: what another program needs to separate music with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gan_sep.audio import AudioFormat, resample, with_channels
from gan_sep.config.loader import build, to_dict
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.evaluation.separate import OverlapAdd, separate
from gan_sep.published.bags import read_ensemble


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


def load_separator(
    path: str | Path,
    device: str | torch.device = "cpu",
    changes: Mapping[str, Any] | None = None,
    trust_module: bool = False,
) -> Separator:
    """The separator that a path stands for, with the weights that are evaluated.

    path: a run's folder, runs/NAME/seed0-plain; an export's folder; a file of the package demucs,
    `.th` or `.safetensors`; a bag's `.yaml`; a folder of these; hf://owner/name. Nothing that a
    file holds is executed. changes: of the keys of `evaluation`, such as {"shifts": 2}.
    trust_module: whether a network that is named by its import path may be imported and called.
    Raises FileNotFoundError where a folder holds nothing of these, CheckpointError where weights
    are missing, damaged or of another network.
    """
    found = read_ensemble(Path(path), trust_module)
    settings: EvaluationSettings = build(
        EvaluationSettings, to_dict(found.evaluation) | dict(changes or {}), "evaluation"
    )
    how = settings.overlap_add(found.audio, found.seed)
    return Separator(found.network.to(device).eval(), found.audio, how)
