"""The contract of losses, and their weighted sum: how far estimates are from the true sources."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from gan_sep.adversarial.balancer import Share
from gan_sep.audio import AudioFormat
from gan_sep.training.silence import audible

# Estimates and sources, (B, S, C, T) each and in the same order of sources -> (S,).
ReconstructionLoss = Callable[[Tensor, Tensor], Tensor]

# Below this level, in dB full scale, a source has no value in losses that divide by its energy.
SILENCE_DB = -60.0


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Base of every loss's `Config`, which is the loss itself: its fields are the YAML keys.

    A loss has a value for every item of a batch and is their mean, so that its scale depends on
    neither batch size nor length, and the micro-batches of one step average to the whole batch.
    """

    weight: float = 1.0  # of this term in the sum; 0 logs the term and learns nothing from it
    # Instead of a weight: the ratio of the norm of its gradient at the estimates to that of the
    # terms with weights, for each source, whatever the losses' scales.
    balance: float | None = None
    sources: dict[str, float] = field(default_factory=dict)  # times this, by source; others 1

    # Whether items are left out where the source is silent: they count as 0 in the mean.
    leaves_out_silence: ClassVar[bool] = False
    # How many sources it takes: 2 where estimates are compared with the mixture or other sources.
    least_sources: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight: expected a number of at least 0, got {self.weight}")
        if self.balance is not None and (self.balance < 0 or self.weight != 1):
            raise ValueError(
                f"balance: expected a ratio of at least 0, and no weight beside it, got "
                f"{self.balance} and weight {self.weight}"
            )
        for source, factor in self.sources.items():
            if not 0 <= factor < float("inf"):
                raise ValueError(f"sources.{source}: expected a number >= 0, got {factor}")

    def build(self, sample_rate: int | None = None) -> ReconstructionLoss:
        """The loss of signals at a rate in Hz, which few losses need to know.

        No weights that learn, no random draws; differentiable, and finite on silence.
        """
        return self

    @classmethod
    def tiny(cls) -> Self:
        """A setting small enough for a test."""
        return cls()

    def check(self, num_sources: int) -> None:
        """ValueError where the loss has no meaning for so many sources."""
        if num_sources < self.least_sources:
            raise ValueError(
                f"expected {self.least_sources} or more sources, since it compares with their "
                f"mixture or with each other, got {num_sources}; choose another loss (l2_freq), or "
                "name the rest of the mixture in audio.sources as well"
            )

    def items(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """The value of every item: (B, S, C, T) twice, at least float32 -> (B, S)."""
        raise NotImplementedError

    def __call__(self, estimates: Tensor, sources: Tensor) -> Tensor:
        """estimates, sources: (B, S, C, T), same source order -> (S,).

        In full precision whatever the rest runs in: bfloat16 has too few bits for small errors.
        Raises ValueError where the shapes differ.
        """
        if estimates.shape != sources.shape or estimates.ndim != 4:
            raise ValueError(
                "reconstruction loss: expected estimates and sources of one shape (B, S, C, T), "
                f"got {tuple(estimates.shape)} and {tuple(sources.shape)}"
            )
        self.check(estimates.shape[1])
        with torch.autocast(estimates.device.type, enabled=False):
            values = self.items(_precise(estimates), _precise(sources))  # (B, S)
            if self.leaves_out_silence:
                values = torch.where(audible(sources, SILENCE_DB), values, 0)  # (B, S)
            return values.mean(0)  # (S,)


class Term(NamedTuple):
    """A loss, or any function like it, with its name in logs and its weight, one or (S,)."""

    name: str
    loss: ReconstructionLoss
    weight: float | Tensor = 1.0
    balance: float | None = None  # where its gradient is held to a share instead


class WeightedLosses:
    """The terms of `losses`, each by its name, and their weighted sum."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = terms
        self.weights = {term.name: term.weight for term in terms}

    @classmethod
    def of(cls, losses: Sequence[Loss], audio: AudioFormat, device: torch.device) -> Self:
        """The losses of a configuration."""
        sources = audio.sources
        terms = []
        for name, loss in zip(term_names(losses), losses, strict=True):
            factors = torch.tensor([loss.sources.get(source, 1.0) for source in sources])  # (S,)
            weight = loss.weight * factors.to(device) if loss.sources else loss.weight
            terms.append(Term(name, loss.build(audio.sample_rate), weight, loss.balance))
        return cls(terms)

    def __call__(self, estimates: Tensor, sources: Tensor) -> dict[str, Tensor]:
        """estimates, sources: (B, S, C, T), same source order -> name -> (S,), unweighted."""
        return {term.name: term.loss(estimates, sources) for term in self.terms}

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum (S,) of what a call gave, terms that are held to a share left out."""
        weighted = [self.weighted(t.name, values) for t in self.terms if t.balance is None]
        return torch.stack(weighted).sum(0)

    def weighted(self, name: str, values: Mapping[str, Tensor]) -> Tensor:
        """One term of what a call gave, weighted, (S,)."""
        return self.weights[name] * values[name]

    def shares(self) -> dict[str, Share]:
        """The terms that are held to a share of the gradient."""
        return {t.name: Share(ratio=t.balance) for t in self.terms if t.balance is not None}

    def log(self, values: Mapping[str, Tensor], sources: Tensor) -> dict[str, Tensor]:
        """The sum, every term, and the share of items that some of them leave out, (S,) each."""
        log = {"loss/reconstruction": self.total(values).detach()}
        log |= {f"loss/{name}": value.detach() for name, value in values.items()}
        if any(getattr(term.loss, "leaves_out_silence", False) for term in self.terms):
            log["left_out"] = (~audible(sources, SILENCE_DB)).float().mean(0)
        return log


def term_names(components: Iterable[object]) -> list[str]:
    """The name of each component, that of its file, numbered where it comes again."""
    return numbered(type(each).__module__.rpartition(".")[2] for each in components)


def numbered(names: Iterable[str]) -> list[str]:
    """The names, where the second of a kind is NAME_2, the third NAME_3."""
    count: Counter[str] = Counter()
    found = []
    for name in names:
        count[name] += 1
        found.append(name if count[name] == 1 else f"{name}_{count[name]}")
    return found


def check_terms(losses: Sequence[Loss], sources: Sequence[str]) -> None:
    """ValueError unless there is something to learn from, of sources that exist."""
    if not any(loss.weight > 0 and loss.balance is None for loss in losses):
        raise ValueError("losses: expected at least one term of a weight above 0, without balance")
    for number, loss in enumerate(losses):
        if unknown := sorted(loss.sources.keys() - set(sources)):
            raise ValueError(
                f"losses[{number}].sources: expected sources of audio.sources "
                f"({', '.join(sources)}), got {', '.join(unknown)}"
            )
        try:
            loss.check(len(sources))
        except ValueError as error:
            raise ValueError(f"losses[{number}]: {error}") from error


def _precise(signal: Tensor) -> Tensor:
    return signal if signal.dtype == torch.float64 else signal.float()
