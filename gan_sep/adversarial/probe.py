"""Asking the discriminators: scores of the same segments, real and estimated, over time."""

from collections.abc import Iterator
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from gan_sep.adversarial.diagnostics import centred, measure
from gan_sep.adversarial.inputs import crop_start, levelled
from gan_sep.config.run import RunConfig
from gan_sep.data.base import Track
from gan_sep.data.segments import PairedSegments
from gan_sep.evaluation.separate import evaluating
from gan_sep.training.silence import audible

PROBE_SEED = 20190901  # the same segments for every seed of a study
PROBE_CROPS = 2182505842  # stream of random numbers


class Probe:
    """Fixed segments of training and of validation tracks, as they were played: no augmentation.

    Where discriminators learn from crops, they are asked about crops of that length, always the
    same ones.

    Raises ValueError where a validation track is shorter than a segment.
    """

    def __init__(
        self,
        config: RunConfig,
        train: list[Track],
        valid: list[Track],
        accelerator: Accelerator,
    ) -> None:
        self.config = config
        self.accelerator = accelerator
        length = config.audio.samples(config.training.segment_seconds)
        crop_seconds = config.adversarial.crop_seconds
        self.scored = length if crop_seconds is None else config.audio.samples(crop_seconds)
        self.segments = {
            "train": PairedSegments(train, length, PROBE_SEED),
            "valid": PairedSegments(valid, length, PROBE_SEED),
        }

    def question(self, generator: nn.Module, discriminator: nn.Module) -> dict[str, dict[str, Any]]:
        """The measures of `gan_sep.adversarial.diagnostics.measure` for each source by name.

        The segments are spread over the processes; all of them get the answer.
        """
        generator = self.accelerator.unwrap_model(generator)
        discriminator = self.accelerator.unwrap_model(discriminator)
        scores: dict[str, Tensor] = {}
        active: dict[str, Tensor] = {}
        with evaluating(generator), evaluating(discriminator):
            for split, segments in self.segments.items():
                asked = gather_object(list(self._ask(generator, discriminator, segments)))
                _, real, fake, sounding = zip(*sorted(asked, key=lambda row: row[0]), strict=True)
                scores |= {f"real_{split}": torch.stack(real), f"fake_{split}": torch.stack(fake)}
                mask = torch.stack(sounding)  # (n, S)
                active |= {f"real_{split}": mask, f"fake_{split}": mask}
        if not self.config.adversarial.objective.has_threshold:
            scores = centred(scores, active)
        return measure(scores, active, self.config.audio.sources)

    def _ask(
        self, generator: nn.Module, discriminator: nn.Module, segments: PairedSegments
    ) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
        """(position, scores of the sources, of their estimates, which sound), each (S,)."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        settings = self.config.adversarial
        for position in range(rank, self.config.diagnosis.segments, world):
            sources = segments[position][None].to(self.accelerator.device)  # (1, S, C, T)
            with self.accelerator.autocast():
                mixture = sources.sum(1)  # (1, C, T)
                estimates = generator(mixture).float()  # (1, S, C, T)
                given = self._crop(position, sources.shape[-1])
                both = torch.cat([sources, estimates])[..., given]  # (2, S, C, T')
                mixtures = mixture.expand(2, -1, -1)[..., given]  # (2, C, T')
                mask = audible(sources[..., given], settings.silence_db)  # (1, S)
                asked = [levelled(each, settings) for each in (both, mixtures)]
                scored = discriminator(*asked).scores().float().cpu()  # (2, S)
            yield position, scored[0], scored[1], mask[0].cpu()

    def _crop(self, position: int, num_samples: int) -> slice:
        """The samples of a segment that are scored."""
        start = crop_start(num_samples, self.scored, PROBE_SEED, PROBE_CROPS, position)
        return slice(start, start + self.scored)
