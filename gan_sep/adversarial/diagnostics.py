"""What the discriminators know: scores on material they were trained on and on material held out.

A fixed probe of segments is scored from time to time, in four sets:

    real_train   sources of training tracks      fake_train   estimates of training mixtures
    real_valid   sources of held-out tracks      fake_valid   estimates of held-out mixtures

`measure` turns the scores into one mapping per source that JSON can hold; `verdict` in
`gan_sep.adversarial.verdict` reads a history of them. A number that cannot be given is None.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

SETS = ("real_train", "real_valid", "fake_train", "fake_valid")
THRESHOLD = 0.5  # halfway between the labels 0.9 and 0.1
BIN_RANGE = (-0.5, 1.5)
NUM_BINS = 20  # of 0.1: a probe of some dozens of segments cannot fill finer ones


def measure(
    scores: Mapping[str, Tensor], active: Mapping[str, Tensor], sources: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Scores and masks, each (n, S) for each of `SETS`, -> for each source by name:

        real_train, real_valid, fake_train, fake_valid    for each set:
            count           segments that are not silent
            mean, std       of their scores; std with n - 1
            standard_error  of the mean
            histogram       counts in NUM_BINS bins over BIN_RANGE, the outer ones open-ended
        accuracy       {train, held_out, train_error, held_out_error}: mean of the shares of real
                       segments above and of estimates below THRESHOLD (on it counts half), and
                       the standard errors of both
        brier          {train, held_out}: mean squared distance of the score, clipped to [0, 1],
                       from 1 for real and 0 for estimates, each weighing one half; 0.25 is what
                       a discriminator gets that always says 0.5
        overlap        {real_fake_valid, real_train_valid}: shared area of the normalised
                       histograms, 1 where they are equal, 0 where they are disjoint
        distance       E D(real_train) - E D(fake_valid), the denominator of r_v
        r_v            (E D(real_train) - E D(real_valid)) / distance: 0 where held-out music is
                       scored like the music trained on, 1 where it is scored like estimates
        r_t            E sign(D(real_train) - 0.5): 1 where all training music is taken for real

    active is True where the segment is not silent in that source. The fakes in r_v are the
    estimates of held-out mixtures: like the held-out sources, they were in nobody's training. r_v
    is None where distance is below two of its standard errors or below 0.02: a ratio to noise.
    A set without active segments gives None for all that rests on it, and so does a set with a
    score that is not finite. Standard errors take segments for independent: a probe of one segment
    for each of many tracks comes closest to that.

    Raises ValueError where a set is missing or a shape is not (n, S).
    Source of r_v and r_t: Karras et al., Training generative adversarial networks with limited
    data, 2020.
    """
    _check(scores, active, sources)
    return {
        source: _measure_source({s: _scores_of(k, scores[s], active[s]) for s in SETS})
        for k, source in enumerate(sources)
    }


def centred(scores: Mapping[str, Tensor], active: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Scores (n, S) of discriminators that know only differences, moved to lie around THRESHOLD.

    One shift for each source, the same in all sets, after which the means of training sources and
    of their estimates are equally far from THRESHOLD. A source without active segments stays.
    """
    means = [
        scores[name].masked_fill(~active[name], 0.0).sum(0) / active[name].sum(0)
        for name in ("real_train", "fake_train")
    ]  # (S,) each, not finite where nothing is active
    shift = THRESHOLD - (means[0] + means[1]) / 2  # (S,)
    shift = torch.where(shift.isfinite(), shift, 0.0)
    return {name: values + shift for name, values in scores.items()}


def _scores_of(k: int, scores: Tensor, active: Tensor) -> Tensor:
    """The active scores of source k (n,); all NaN where one is not finite."""
    chosen = scores[active[:, k], k].double().cpu()
    return chosen if bool(torch.isfinite(chosen).all()) else torch.full_like(chosen, math.nan)


def _measure_source(scores: Mapping[str, Tensor]) -> dict[str, Any]:
    """scores: (n,) of each set."""
    sets = {name: _summary(values) for name, values in scores.items()}
    distance, r_v = _validation_ratio(sets)
    return {
        **sets,
        "accuracy": _accuracy(scores),
        "brier": {"train": _brier(scores, "train"), "held_out": _brier(scores, "valid")},
        "overlap": {
            "real_fake_valid": _overlap(sets["real_valid"], sets["fake_valid"]),
            "real_train_valid": _overlap(sets["real_train"], sets["real_valid"]),
        },
        "distance": distance,
        "r_v": r_v,
        "r_t": _number(_sign(scores["real_train"] - THRESHOLD).mean()),
    }


def _summary(scores: Tensor) -> dict[str, Any]:
    """Count, mean, spread and histogram of one set (n,)."""
    n = len(scores)
    std = _number(scores.std()) if n > 1 else None
    edges = torch.linspace(*BIN_RANGE, NUM_BINS + 1, dtype=scores.dtype)[1:-1]
    bins = torch.bucketize(scores[scores.isfinite()], edges, right=True)  # (n,), clipped
    return {
        "count": n,
        "mean": _number(scores.mean()),
        "std": std,
        "standard_error": None if std is None else std / math.sqrt(n),
        "histogram": torch.bincount(bins, minlength=NUM_BINS).tolist(),
    }


def _accuracy(scores: Mapping[str, Tensor]) -> dict[str, float | None]:
    """Balanced accuracies and their standard errors, on training and on held-out material."""
    accuracy: dict[str, float | None] = {}
    for key, split in (("train", "train"), ("held_out", "valid")):
        margins = (scores[f"real_{split}"] - THRESHOLD, THRESHOLD - scores[f"fake_{split}"])
        shares = [_number((_sign(margin) / 2 + 0.5).mean()) for margin in margins]
        accuracy[key] = _mean(shares)
        accuracy[f"{key}_error"] = _share_error(shares, [len(margin) for margin in margins])
    return accuracy


def _share_error(shares: Sequence[float | None], counts: Sequence[int]) -> float | None:
    """Standard error of the mean of independent shares."""
    variance = 0.0
    for share, n in zip(shares, counts, strict=True):
        if share is None:
            return None
        # Two more of each kind (Agresti and Coull, 1998): all correct of few is not certain.
        p = (share * n + 2) / (n + 4)
        variance += p * (1 - p) / (n + 4)
    return math.sqrt(variance) / len(shares)


def _brier(scores: Mapping[str, Tensor], split: str) -> float | None:
    real, fake = scores[f"real_{split}"].clamp(0, 1), scores[f"fake_{split}"].clamp(0, 1)
    return _mean([_number((1 - real).square().mean()), _number(fake.square().mean())])


def _overlap(first: Mapping[str, Any], second: Mapping[str, Any]) -> float | None:
    """Histogram intersection: 1 for equal shapes, 0 for disjoint ones."""
    if first["mean"] is None or second["mean"] is None:
        return None
    pairs = zip(first["histogram"], second["histogram"], strict=True)
    return sum(min(a / first["count"], b / second["count"]) for a, b in pairs)


def _validation_ratio(sets: Mapping[str, Mapping[str, Any]]) -> tuple[float | None, float | None]:
    """distance and r_v."""
    train, valid, fake = (sets[name] for name in ("real_train", "real_valid", "fake_valid"))
    if train["mean"] is None or fake["mean"] is None:
        return None, None
    distance = train["mean"] - fake["mean"]
    errors = (train["standard_error"], fake["standard_error"])
    if valid["mean"] is None or None in errors or distance < max(0.02, 2 * math.hypot(*errors)):
        return distance, None
    return distance, (train["mean"] - valid["mean"]) / distance


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _sign(values: Tensor) -> Tensor:
    """-1, 0 or 1; NaN stays NaN."""
    return values.sign() + 0 * values


def _number(value: Tensor) -> float | None:
    """A finite number or None, the only way JSON can say NaN."""
    return value.item() if bool(torch.isfinite(value)) else None


def _check(
    scores: Mapping[str, Tensor], active: Mapping[str, Tensor], sources: Sequence[str]
) -> None:
    for name in SETS:
        if name not in scores or name not in active:
            raise ValueError(
                f"diagnosis: no scores or no mask for {name!r}; expected {', '.join(SETS)}"
            )
        shape, mask = tuple(scores[name].shape), tuple(active[name].shape)
        if len(shape) != 2 or shape[1] != len(sources) or mask != shape:
            raise ValueError(
                f"diagnosis: expected scores and mask of {name!r} of one shape (n, "
                f"{len(sources)}), got {shape} and {mask}"
            )
