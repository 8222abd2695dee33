"""The verdict in words on constructed histories: each class, its borders, and noise."""

import json
from dataclasses import asdict
from statistics import NormalDist
from typing import Any

import pytest
import torch

from gan_sep.adversarial.diagnostics import SETS, measure
from gan_sep.adversarial.verdict import state_of, verdict


def diagnosis(
    means: tuple[float, float, float, float], n: int = 64, spread: float = 0.15
) -> dict[str, Any]:
    """One source's diagnosis: normal quantiles about the means of the four sets, so no chance."""
    quantiles = torch.tensor([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])
    scores = {
        name: (mean + spread * quantiles)[:, None] for name, mean in zip(SETS, means, strict=True)
    }
    active = {name: torch.ones(n, 1, dtype=torch.bool) for name in SETS}
    return measure(scores, active, ["bass"])["bass"]


# Means of real_train, real_valid, fake_train, fake_valid.
HEALTHY = diagnosis((0.75, 0.72, 0.28, 0.26))
OVERFITTING = diagnosis((0.85, 0.35, 0.15, 0.15))
WEAK = diagnosis((0.51, 0.51, 0.49, 0.49))
CONSTANT = diagnosis((0.5, 0.5, 0.5, 0.5), spread=0.005)
UNCLEAR = diagnosis((0.75, 0.72, 0.28, 0.26), n=7)


def history(*diagnoses: dict[str, Any], name: str = "bass") -> list[dict[str, Any]]:
    """Diagnosis records at steps 100, 200, ..."""
    return [
        {"step": 100 * (i + 1), "kind": "diagnosis", "sources": {name: d}}
        for i, d in enumerate(diagnoses)
    ]


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (HEALTHY, "healthy"),
        (OVERFITTING, "overfitting"),
        (WEAK, "too weak"),
        (CONSTANT, "collapsed"),
        (UNCLEAR, "unclear"),
    ],
)
def test_each_state_is_recognised(one: dict[str, Any], state: str) -> None:
    assert state_of(one) == state


def test_a_discriminator_that_knows_its_training_music_overfits_even_if_estimates_fool_it() -> None:
    # Estimates of training mixtures are good, so accuracy on training material is low; r_v tells.
    fooled = diagnosis((0.8, 0.45, 0.6, 0.2))
    assert fooled["accuracy"]["train"] < fooled["accuracy"]["held_out"]
    assert fooled["r_v"] == pytest.approx(0.35 / 0.6, abs=1e-6)
    assert state_of(fooled) == "overfitting"


@pytest.mark.parametrize(("real_valid", "state"), [(0.61, "healthy"), (0.59, "overfitting")])
def test_r_v_decides_at_one_half(real_valid: float, state: str) -> None:
    # Accuracy cannot decide: it is higher on held-out material than on training material.
    assert state_of(diagnosis((0.8, real_valid, 0.6, 0.4), n=256)) == state


@pytest.mark.parametrize(("n", "state"), [(14, "healthy"), (200, "overfitting")])
def test_a_difference_within_two_standard_errors_does_not_cry_wolf(n: int, state: str) -> None:
    one = diagnosis((0.75, 0.65, 0.25, 0.35), n=n, spread=0.25)
    gap = one["accuracy"]["train"] - one["accuracy"]["held_out"]
    assert gap > 0.1
    assert one["r_v"] < 0.5
    assert state_of(one) == state


def test_a_discriminator_that_may_be_guessing_is_unclear_rather_than_healthy() -> None:
    means = (0.55, 0.55, 0.45, 0.45)
    assert state_of(diagnosis(means, n=10)) == "unclear"
    assert state_of(diagnosis(means, n=200)) == "healthy"


def test_scores_that_are_not_finite_are_a_collapse() -> None:
    broken = HEALTHY | {"real_valid": HEALTHY["real_valid"] | {"mean": None}}
    assert state_of(broken) == "collapsed"
    nan = HEALTHY | {"real_valid": HEALTHY["real_valid"] | {"mean": float("nan")}}
    assert state_of(nan) == "collapsed"
    scored = verdict(history(broken, nan))
    assert scored.word == "collapsed"
    assert "scores are missing or not finite" in scored.sources["bass"].sentence


def test_a_source_that_is_silent_throughout_is_undecided() -> None:
    nothing = {name: torch.zeros(9, 1) for name in SETS}
    silent = {name: torch.zeros(9, 1, dtype=torch.bool) for name in SETS}
    scored = verdict(history(*[measure(nothing, silent, ["bass"])["bass"]] * 3))
    assert scored.word == "undecided"


@pytest.mark.parametrize(
    ("diagnoses", "word", "since"),
    [
        ([HEALTHY, HEALTHY], "healthy", 100),
        ([WEAK, HEALTHY, HEALTHY, OVERFITTING, OVERFITTING], "overfitting", 400),
        ([HEALTHY, HEALTHY, OVERFITTING], "healthy", 100),
        ([OVERFITTING, OVERFITTING, HEALTHY, OVERFITTING], "overfitting", 100),
        ([OVERFITTING, OVERFITTING, HEALTHY, HEALTHY], "healthy", 300),
        ([HEALTHY, HEALTHY, OVERFITTING, UNCLEAR, OVERFITTING], "overfitting", 300),
        ([CONSTANT, CONSTANT], "collapsed", 100),
        ([WEAK, WEAK, WEAK], "too weak", 100),
        ([HEALTHY, OVERFITTING, HEALTHY], "undecided", None),
        ([HEALTHY], "undecided", None),
        ([UNCLEAR, UNCLEAR, UNCLEAR], "undecided", None),
    ],
)
def test_a_state_takes_effect_when_two_diagnoses_in_a_row_find_it(
    diagnoses: list[dict[str, Any]], word: str, since: int | None
) -> None:
    scored = verdict(history(*diagnoses))
    assert (scored.word, scored.sources["bass"].since) == (word, since)


def test_the_sentence_names_the_figures_it_rests_on() -> None:
    sentence = verdict(history(HEALTHY, HEALTHY, OVERFITTING)).sources["bass"].sentence
    assert sentence.startswith("healthy since step 100 (the last diagnosis by itself: overfitting)")
    assert "At step 300 it classifies 98% of training and 57% of held-out material" in sentence
    assert "r_v 0.71, r_t 0.97" in sentence
    assert "real_valid 0.35" in sentence
    assert "64 segments or more" in sentence


def test_the_overall_word_is_the_worst_and_its_sentence_names_every_source() -> None:
    discriminators = {"drums": HEALTHY, "bass": OVERFITTING, "other": WEAK, "vocals": OVERFITTING}
    scored = verdict([{"step": step, "sources": discriminators} for step in (200, 100)])
    assert scored.word == "overfitting"
    assert scored.sentence == (
        "overfitting: bass since step 100, vocals since step 100; "
        "too weak: other since step 100; healthy: drums."
    )
    assert json.loads(json.dumps(asdict(scored)))["sources"]["drums"]["word"] == "healthy"


def test_an_empty_history_is_undecided() -> None:
    assert verdict([]).word == "undecided"


def test_records_read_back_from_json_give_the_same_verdict() -> None:
    records = history(WEAK, OVERFITTING, OVERFITTING)
    assert verdict(json.loads(json.dumps(records))) == verdict(records)
