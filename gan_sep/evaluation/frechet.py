"""The Fréchet distance of the features of estimates and of true sources, over all tracks.

Both are taken as samples of normal distributions, whose distance is

    |m_e - m_s|^2 + trace(C_e + C_s - 2 (C_e C_s)^(1/2)).

A sample is the mean over bands of a network's last map at one frame: 1 s of music_vgg's. With few
samples the distance is too large, and more so for spread-out estimates: `floor`, the distance
between two halves of the tracks' true sources, says by how much about, and only distances over the
same tracks compare. Intervals are the value -+ 1.96 standard deviations of redrawn tracks.

Source: Dowson, Landau, The Fréchet distance between multivariate normal distributions, 1982;
Kilgour, Zuluaga, Roblek, Sharifi, Fréchet audio distance, 2019.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gan_sep.data.base import Track
from gan_sep.evaluation.evaluate import Evaluation, references_of, separated
from gan_sep.evaluation.references import MIXTURE, reference_estimates
from gan_sep.features.base import Features
from gan_sep.statistics.averages import Array

DRAWS = 100


class Distance(NamedTuple):
    """A line of frechet.csv: the distance, its 95 % interval over tracks, and the floor."""

    arm: str
    source: str
    tracks: int
    distance: float
    low: float
    high: float
    floor: float


def frechet_distances(
    generator: nn.Module, tracks: Sequence[Track], evaluation: Evaluation, network: Features
) -> Iterator[Distance]:
    """Of the generator and of the mixture, every source; tracks whose source is silent left out.

    Raises ValueError as `evaluate`, and with fewer than four tracks of a source.
    """
    audio, arms = evaluation.audio, (MIXTURE, evaluation.arm)
    moments: dict[tuple[str, str], list[Array]] = {}
    for track in tracks:
        references = references_of(track, audio)  # (S, C, T)
        found = {"": references, MIXTURE: reference_estimates(references, MIXTURE)}
        found[evaluation.arm] = separated(generator, references, evaluation)
        for arm, signals in found.items():
            for source, signal, reference in zip(audio.sources, signals, references, strict=True):
                if reference.any():
                    samples = embeddings(network, signal, audio.sample_rate)
                    moments.setdefault((arm, source), []).append(moments_of(samples))
    for arm in arms:
        for source in audio.sources:
            pair = [np.stack(moments.get((each, source), [])) for each in (arm, "")]
            yield Distance(arm, source, len(pair[0]), *distance(*pair))


@torch.no_grad()
def embeddings(network: Features, signal: Tensor, sample_rate: int) -> Array:
    """A signal (C, T) -> its samples (frames, D)."""
    device = next(network.parameters()).device
    last = network(signal.to(device)[None], sample_rate)[-1]  # (1, D, frames, bands)
    return last[0].mean(2).T.double().cpu().numpy()


def moments_of(samples: Array) -> Array:
    """The sum over samples (n, D) of [1, x]^T [1, x]: (1 + D, 1 + D), which tracks can add."""
    extended = np.column_stack([np.ones(len(samples)), samples])
    return extended.T @ extended


def distance(estimates: Array, references: Array) -> tuple[float, float, float, float]:
    """Moments of the same tracks, (tracks, 1 + D, 1 + D) twice -> distance, its ends, floor.

    Raises ValueError as `require_enough`.
    """
    count, random = len(references), np.random.default_rng(0)
    require_enough(count)
    value = frechet(estimates.sum(0), references.sum(0))
    drawn = random.integers(count, size=(DRAWS, count))
    spread = np.std([frechet(estimates[d].sum(0), references[d].sum(0)) for d in drawn], ddof=1)
    orders = [random.permutation(count) for _ in range(10)]
    halves = [np.array_split(references[order], 2) for order in orders]
    floor = np.mean([frechet(first.sum(0), second.sum(0)) for first, second in halves])
    width = 1.96 * float(spread)
    return value, max(0.0, value - width), value + width, float(floor)


def require_enough(tracks: int) -> None:
    """Raises ValueError with fewer than four tracks, of which each half has a spread."""
    if tracks < 4:
        raise ValueError(f"frechet: expected at least 4 tracks of a source, got {tracks}")


def frechet(first: Array, second: Array) -> float:
    """The distance between two sets of samples, by the sums of their moments, (1 + D, 1 + D)."""
    (mean, covariance), (other, others) = _normal(first), _normal(second)
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ others @ root).clip(0)).sum()
    traces = np.trace(covariance) + np.trace(others)
    return float(((mean - other) ** 2).sum() + traces - 2 * shared)


def _normal(moments: Array) -> tuple[Array, Array]:
    """Mean (D,) and covariance (D, D), with the divisor n - 1."""
    count, mean = moments[0, 0], moments[0, 1:] / moments[0, 0]
    return mean, (moments[1:, 1:] - count * np.outer(mean, mean)) / max(1.0, count - 1)
