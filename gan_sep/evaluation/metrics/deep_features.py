"""How far an estimate's features are from its reference's, for the network `music_vgg`.

Its weights are those of the package musicnn, see features/music_vgg.py. The distance of whole
distributions, over all tracks, is no metric of a track: evaluation/frechet.py.
"""

import torch
from torch import Tensor

from gan_sep.evaluation.metrics.base import Metric
from gan_sep.evaluation.metrics.layers.framing import check_pair
from gan_sep.features import music_vgg

SECTION_SECONDS = 10


@torch.no_grad()
def feature_distance(references: Tensor, estimates: Tensor, sample_rate: int) -> Tensor:
    """Mean over feature maps of |F_e - F_s|^2 / |F_s|^2, all positions and channels; 0 is equality.

    F: the five pooled layers of the music-tagging VGG, in sections of about 10 s, of the mean over
    channels of the audio. references, estimates: (S, C, T), same source order -> (S,), lower is
    better. NaN where a reference is silent.
    Raises ValueError where the shapes differ, nothing is in them, or musicnn is not installed.
    Source: after the deep feature loss of Gusó, Pons, Pascual, Serrà, On loss functions and
    evaluation metrics for music source separation, 2022; made relative here.
    """
    check_pair(references, estimates)
    network = music_vgg.Config().build().to(references.device)
    sections = max(1, round(references.shape[-1] / (SECTION_SECONDS * sample_rate)))
    energies = []
    for pair in zip(
        *(x.float().tensor_split(sections, -1) for x in (references, estimates)), strict=True
    ):
        maps = [network(signals, sample_rate) for signals in pair]
        both = [(s, e - s) for s, e in zip(*maps, strict=True)]
        energies.append(
            torch.stack([torch.stack([x.square().sum((1, 2, 3)) for x in each]) for each in both])
        )  # (maps, 2, S)
    of_reference, of_difference = torch.stack(energies).double().sum(0).unbind(1)  # each (maps, S)
    silent = (references == 0).flatten(1).all(1)
    return (of_difference / of_reference).mean(0).masked_fill(silent, torch.nan)


METRICS = (
    Metric("feature_distance", feature_distance, "Distance of features (music_vgg)",
           "deep_features", "", False, package="musicnn"),
)  # fmt: skip
