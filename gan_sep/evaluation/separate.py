"""Whole tracks through a generator, piece by piece."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gan_sep.ranges import at_least

MOST_OVERLAP = 0.99  # every sample a hundred times through the generator
PADDED_SAMPLES = 2**19  # a short track is extended by silence to no more than so many samples


@dataclass(frozen=True)
class OverlapAdd:
    """How a track is cut into pieces and put together again.

    segment_samples: the length of every piece; the last one reaches back so that it has it too.
        A track shorter than that is one piece, see `fitted`.
    overlap: the share of a piece that the next one covers again, at most MOST_OVERLAP; they fade
        linearly into each other, with triangular weights that peak in a piece's middle.
    shifts: 0, or the number of randomly delayed separations to average (Demucs' shift trick).
    max_shift: delays are drawn below this number of samples; 0 is right only without shifts.
    batch_size: pieces per pass of the generator.
    seed: of the delays.
    normalize: give the generator mixtures whose mono mix has mean 0 and standard deviation 1
        over the track, and undo it after, as Demucs v1 does; off for a generator that does so
        itself.
    transition_power: of the weights, at least 1; more than 1 makes the transitions sharper.
    last_piece: `full`, it reaches back as said; `short`, it ends with the track, as the published
        Demucs cuts; then delays leave no silence behind the track either, and a generator that
        says how long its input has to be (`input_length`) gets what lies around the piece.
    Raises ValueError on a value out of range.
    """

    segment_samples: int
    overlap: float = 0.25
    shifts: int = 0
    max_shift: int = 0
    batch_size: int = 1
    seed: int = 0
    normalize: bool = False
    transition_power: float = 1.0
    last_piece: Literal["full", "short"] = "full"

    def __post_init__(self) -> None:
        at_least(1, self, "segment_samples")
        if not 0 <= self.overlap <= MOST_OVERLAP:
            raise ValueError(f"overlap: expected 0 to {MOST_OVERLAP}, got {self.overlap}")
        at_least(0, self, "shifts")
        at_least(1, self, "batch_size")
        if not 0 <= self.max_shift <= self.segment_samples:
            raise ValueError(
                f"max_shift: expected 0 to segment_samples ({self.segment_samples}), "
                f"got {self.max_shift}"
            )
        if self.shifts > 0 and self.max_shift == 0:
            raise ValueError(f"max_shift: expected at least 1 with shifts={self.shifts}, got 0")
        if not 1 <= self.transition_power < float("inf"):
            raise ValueError(f"transition_power: expected >= 1, got {self.transition_power}")

    def delays(self) -> list[int]:
        """The delay in samples of each separation; [0] without shifts."""
        if self.shifts == 0:
            return [0]
        return np.random.default_rng(self.seed).integers(self.max_shift, size=self.shifts).tolist()

    def fitted(self, samples: int) -> Self:
        """The same for one track, with pieces no longer than it and its delays or PADDED_SAMPLES.

        So pieces longer than any track separate whole tracks, each at its own length.
        """
        whole = samples + self.max_shift
        if self.last_piece == "short":  # the next piece begins behind the track
            whole = math.ceil((whole + 1) / (1 - self.overlap))
        longest = max(whole, PADDED_SAMPLES)
        return replace(self, segment_samples=min(self.segment_samples, longest))

    def starts(self, samples: int, delay: int = 0) -> list[int]:
        """Where the pieces of a track begin; a negative start reads silence before the track.

        The delayed track is taken as max_shift samples longer, so that the delay moves the last
        piece as well. A track shorter than a piece lies in the middle of one.
        """
        first = -delay
        if self.last_piece == "short":
            return [*range(first, samples, max(1, int((1 - self.overlap) * self.segment_samples)))]
        last = samples + (self.max_shift if self.shifts else 0) - delay - self.segment_samples
        if last <= first:
            return [(first + last) // 2]
        stride = max(1, round((1 - self.overlap) * self.segment_samples))
        return [*range(first, last, stride), last]

    def weights(self) -> Tensor:
        """The weights of a piece, (segment_samples,), in (0, 1]: a triangle, to a power."""
        rising = torch.arange(1, self.segment_samples + 1, dtype=torch.float32)
        triangle = torch.minimum(rising, rising.flip(0))
        return (triangle / triangle.max()) ** self.transition_power

    def length(self, start: int, samples: int) -> int:
        """Of the piece that begins at `start`, in samples."""
        short = self.last_piece == "short"
        return min(self.segment_samples, samples - start) if short else self.segment_samples


def separate(
    generator: nn.Module, mixture: Tensor, how: OverlapAdd, progress: bool = False
) -> Tensor:
    """The generator's estimates of a whole track: mixture (C, T) -> (S, C, T), float32, on the CPU.

    The generator works on its own device, in evaluation mode and without gradients; afterwards
    every module is in the mode it was in. Beyond the output, memory holds one batch of pieces,
    however long the track and however many the shifts. Give the network itself, not its distributed
    wrapper: processes may separate different numbers of pieces.
    Raises ValueError where the mixture is no (C, T) signal, or the estimates no (B, S, C, T).
    Source of the scheme: Défossez, Usunier, Bottou, Bach, Music Source Separation in the Waveform
    Domain, 2019.
    """
    if mixture.ndim != 2 or mixture.numel() == 0:
        raise ValueError(f"mixture: expected non-empty (C, T), got {tuple(mixture.shape)}")
    mixture = mixture.detach().float().cpu()
    how = how.fitted(mixture.shape[-1])
    if not how.normalize:
        return _overlap_add(generator, _Song(mixture), how, progress)
    level = _level(mixture)
    estimates = _overlap_add(generator, _Song(mixture, level), how, progress)
    return estimates.mul_(level.deviation).add_(level.mean)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients inside; every module's own mode again outside."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in modes:
            module.training = training


class _Level(NamedTuple):
    """Mean and standard deviation of a track's mono mix, scalars."""

    mean: Tensor
    deviation: Tensor


def _level(mixture: Tensor) -> _Level:
    mono = mixture.mean(0)  # (T,)
    return _Level(mono.mean(), mono.std(correction=0).clamp(min=1e-8))


@dataclass(frozen=True)
class _Song:
    """A mixture (C, T); a level is taken off its excerpts, so that no second song is held."""

    mixture: Tensor
    level: _Level | None = None

    def excerpt(self, start: int, samples: int) -> Tensor:
        """`samples` samples from `start` on, silence outside the track -> (C, samples)."""
        excerpt = self.mixture.new_zeros(self.mixture.shape[0], samples)
        low, high = max(start, 0), min(start + samples, self.mixture.shape[-1])
        inside = self.mixture[:, low:high]
        if self.level is not None:
            inside = (inside - self.level.mean) / self.level.deviation
        excerpt[:, low - start : high - start] = inside
        return excerpt


def _overlap_add(generator: nn.Module, song: _Song, how: OverlapAdd, progress: bool) -> Tensor:
    samples = song.mixture.shape[-1]
    grids = [how.starts(samples, delay) for delay in how.delays()]
    total: Tensor | None = None
    bar = tqdm(total=sum(map(len, grids)), unit="piece", disable=not progress, leave=False)
    with bar:
        for starts in grids:
            pieces = _Pieces(starts, how.weights(), samples)
            for length, batch in _batches(starts, samples, how):
                estimates = _estimate(generator, song, batch, length, how)
                if total is None:
                    total = torch.zeros(*estimates.shape[1:3], samples)  # (S, C, T)
                for start, estimate in zip(batch, estimates, strict=True):
                    pieces.add(total, start, estimate)
                bar.update(len(batch))
    assert total is not None  # a grid has at least one piece
    return total.div_(len(grids))


def _batches(starts: list[int], samples: int, how: OverlapAdd) -> Iterator[tuple[int, list[int]]]:
    """Pieces of one length to be separated at once: their length and where they begin."""
    for length, alike in groupby(starts, lambda start: how.length(start, samples)):
        same = list(alike)
        for begin in range(0, len(same), how.batch_size):
            yield length, same[begin : begin + how.batch_size]


class _Pieces:
    """Lays pieces into a track so that the shares of all pieces at a sample sum to 1.

    starts: ascending. The sums of weights are computed where a piece needs them, again for each of
    the pieces that meet there: kept, they would be one more signal of the track's length.
    """

    def __init__(self, starts: list[int], weights: Tensor, samples: int) -> None:
        self._starts = starts
        self._weights = weights  # (segment,)
        self._samples = samples

    def add(self, total: Tensor, start: int, estimate: Tensor) -> None:
        """Adds the share of a piece's estimates (S, C, segment) to the track's (S, C, T)."""
        track = slice(max(start, 0), min(start + len(self._weights), self._samples))
        piece = slice(track.start - start, track.stop - start)
        shares = self._weights[piece] / self._sum(track)
        total[..., track].addcmul_(estimate[..., piece], shares)

    def _sum(self, track: slice) -> Tensor:
        """The weights of all pieces at each sample of a stretch of the track."""
        total = torch.zeros(track.stop - track.start)
        first = bisect_left(self._starts, track.start - len(self._weights) + 1)
        for start in self._starts[first : bisect_left(self._starts, track.stop)]:
            low, high = max(start, track.start), min(start + len(self._weights), track.stop)
            meeting = self._weights[low - start : high - start]
            total[low - track.start : high - track.start] += meeting
        return total


def _estimate(
    generator: nn.Module, song: _Song, starts: list[int], length: int, how: OverlapAdd
) -> Tensor:
    """Estimates (B, S, C, length) of the pieces that begin at `starts`, on the CPU."""
    wanted: Callable[[int, int], int] | None = getattr(generator, "input_length", None)
    short = how.last_piece == "short"
    given = wanted(length, how.segment_samples) if short and wanted else length
    before = (given - length) // 2
    batch = torch.stack([song.excerpt(start - before, given) for start in starts])  # (B, C, given)
    parameter = next(generator.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    with evaluating(generator):
        estimates = generator(batch.to(device))
    if estimates.ndim != 4 or estimates[:, 0].shape != batch.shape:
        raise ValueError(
            "generator: expected estimates (B, S, C, T) of pieces (B, C, T) = "
            f"{tuple(batch.shape)}, got {tuple(estimates.shape)}"
        )
    return estimates[..., before : before + length].float().cpu()
