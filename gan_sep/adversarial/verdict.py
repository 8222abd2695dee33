"""The verdict on the discriminators in words, from the history of their diagnoses.

Each diagnosis puts each source in a state, the first in this table whose rule holds. D is a mean
score, SE its standard error; accuracies and sets are those of `gan_sep.adversarial.diagnostics`.

    state        rule                                                          what it says
    -----------  ------------------------------------------------------------  --------------------
    unclear      a set holds fewer than 8 active segments                      too small a probe
    collapsed    a score is not finite; or the four means lie within 0.02 of   it says the same of
                 each other and every set's standard deviation is below 0.02   everything
    overfitting  accuracy on training minus held-out material exceeds 0.10     it knows its training
                 and 2 SE; or r_v exceeds 0.5 and D(real_train) -              music by memory
                 D(real_valid) exceeds 2 SE
    too weak     accuracy on training material is below 0.60                   it hardly knows an
                                                                               estimate from music
    unclear      accuracy on training material is not above 0.5 by 2 SE        it may be guessing
    healthy      none of the above                                             what it knows holds
                                                                               for new music

One diagnosis proves little: a state takes effect when two in a row find it, and counts since the
first of the two. It lasts until another state takes effect in the same way, so one stray diagnosis
changes nothing; unclear ones are passed over. Where no state has taken effect, the word is
undecided. The overall word is the worst of the sources': collapsed, overfitting, too weak,
undecided, healthy.

Two limits. Too weak and collapsed cannot tell a discriminator that has learned nothing from a
generator whose estimates are perfect. And r_v sees any difference between training and held-out
music, also one that lies in the choice of songs. r_t is reported because it needs no held-out
music; no rule rests on it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from gan_sep.adversarial.diagnostics import SETS

State = Literal["unclear", "collapsed", "overfitting", "too weak", "healthy"]
Word = Literal["collapsed", "overfitting", "too weak", "undecided", "healthy"]
WORST_FIRST: tuple[Word, ...] = ("collapsed", "overfitting", "too weak", "undecided", "healthy")

MIN_SEGMENTS = 8
CONSTANT = 0.02  # of the 0.8 between the labels
MAX_ACCURACY_GAP = 0.10
MAX_R_V = 0.5
MIN_ACCURACY = 0.60


@dataclass(frozen=True)
class SourceVerdict:
    """The verdict on one discriminator: the word, since which step it holds, and why."""

    word: Word
    since: int | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The worst word, a sentence on all sources, and each source's own verdict by name.

    `dataclasses.asdict` makes it JSON.
    """

    word: Word
    sentence: str
    sources: dict[str, SourceVerdict]


def verdict(history: Sequence[Mapping[str, Any]]) -> Verdict:
    """A word on the discriminators.

    history: diagnosis records {"step": int, "sources": {name: what `diagnostics.measure` gives}} in
    any order; NaN is read as None. An empty history is undecided.
    """
    records = sorted(history, key=lambda record: record["step"])
    names = dict.fromkeys(name for record in records for name in record["sources"])
    if not names:
        return Verdict("undecided", "The discriminators were never diagnosed.", {})
    sources = {
        name: _discriminator(
            [(r["step"], r["sources"][name]) for r in records if name in r["sources"]]
        )
        for name in names
    }
    word = min((v.word for v in sources.values()), key=WORST_FIRST.index)
    groups = (_group(word, sources) for word in WORST_FIRST)
    return Verdict(word, "; ".join(filter(None, groups)) + ".", sources)


def _group(word: Word, sources: Mapping[str, SourceVerdict]) -> str:
    """Say "overfitting: bass since step 400, vocals since step 600", or nothing."""
    named = [
        name if word in ("healthy", "undecided") else f"{name} since step {v.since}"
        for name, v in sources.items()
        if v.word == word
    ]
    return f"{word}: {', '.join(named)}" if named else ""


def _discriminator(diagnoses: Sequence[tuple[int, Mapping[str, Any]]]) -> SourceVerdict:
    """The verdict from (step, diagnosis) pairs of one source, in order."""
    states = [(step, state_of(diagnosis)) for step, diagnosis in diagnoses]
    word, since = _confirmed([(step, state) for step, state in states if state != "unclear"])
    last_step, last = states[-1]
    if word == "undecided":
        opening = "undecided: no two diagnoses in a row agree"
    else:
        opening = f"{word} since step {since}"
    if last != word:
        opening += f" (the last diagnosis by itself: {last})"
    return SourceVerdict(word, since, f"{opening}. {_figures(last_step, diagnoses[-1][1])}")


def _confirmed(states: Sequence[tuple[int, State]]) -> tuple[Word, int | None]:
    """The state in effect after the last diagnosis, and the step since when."""
    word: Word = "undecided"
    since: int | None = None
    for (first_step, first), (_, second) in pairwise(states):
        if first == second != word and second != "unclear":
            word, since = second, first_step
    return word, since


def state_of(diagnosis: Mapping[str, Any]) -> State:
    """The state that one diagnosis of one source shows: the table of this file."""
    sets = [diagnosis[name] for name in SETS]
    if any(s["count"] and _finite(s["mean"]) is None for s in sets):
        return "collapsed"
    if any(s["count"] < MIN_SEGMENTS for s in sets):
        return "unclear"
    means = [s["mean"] for s in sets]
    if max(means) - min(means) < CONSTANT and all(s["std"] < CONSTANT for s in sets):
        return "collapsed"
    accuracy = diagnosis["accuracy"]
    if _memorises(diagnosis):
        return "overfitting"
    if accuracy["train"] < MIN_ACCURACY:
        return "too weak"
    return "healthy" if accuracy["train"] - 0.5 > 2 * accuracy["train_error"] else "unclear"


def _memorises(diagnosis: Mapping[str, Any]) -> bool:
    accuracy = diagnosis["accuracy"]
    gap, gap_error = _difference(accuracy)
    train, valid = diagnosis["real_train"], diagnosis["real_valid"]
    drop = train["mean"] - valid["mean"]
    drop_error = math.hypot(train["standard_error"], valid["standard_error"])
    r_v = _finite(diagnosis["r_v"])
    worse_on_held_out = gap > max(MAX_ACCURACY_GAP, 2 * gap_error)
    real_looks_fake = r_v is not None and r_v > MAX_R_V and drop > 2 * drop_error
    return worse_on_held_out or real_looks_fake


def _difference(accuracy: Mapping[str, float]) -> tuple[float, float]:
    """Accuracy on training minus held-out material, and its standard error."""
    error = math.hypot(accuracy["train_error"], accuracy["held_out_error"])
    return accuracy["train"] - accuracy["held_out"], error


def _figures(step: int, diagnosis: Mapping[str, Any]) -> str:
    """The sentence with the figures of one diagnosis."""
    counts = [diagnosis[name]["count"] for name in SETS]
    if not all(_finite(diagnosis[name]["mean"]) is not None for name in SETS):
        return f"At step {step} scores are missing or not finite; segments in the sets: {counts}."
    accuracy = diagnosis["accuracy"]
    gap, gap_error = _difference(accuracy)
    means = ", ".join(f"{name} {diagnosis[name]['mean']:.2f}" for name in SETS)
    return (
        f"At step {step} it classifies {accuracy['train']:.0%} of training and "
        f"{accuracy['held_out']:.0%} of held-out material correctly (difference {100 * gap:.0f} "
        f"points, two standard errors {200 * gap_error:.0f}); r_v {_said(diagnosis['r_v'])}, "
        f"r_t {_said(diagnosis['r_t'])}; mean scores {means}; {min(counts)} segments or more a set."
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _said(value: float | None) -> str:
    return "not measurable" if _finite(value) is None else f"{value:.2f}"
