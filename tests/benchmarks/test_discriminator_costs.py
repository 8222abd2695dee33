"""What discriminators cost: every file of the folder is there, and ratios are of the plain step."""

import pytest
import torch

from benchmarks import discriminator_costs as costs
from benchmarks.discriminator_costs import (
    SWITCHES,
    Variant,
    discriminator_costs,
    discriminator_parameters,
    variants,
)
from benchmarks.sections import SECTIONS
from benchmarks.settings import QUICK
from gan_sep.adversarial.regularizers import r1
from gan_sep.config.loader import Component
from gan_sep.config.run import Adversarial
from gan_sep.discriminators import multi_scale, spectrogram

CPU = torch.device("cpu")


def test_every_discriminator_is_there_at_its_default_before_the_switches() -> None:
    names = Component("discriminators").names()
    assert list(variants()) == [*names, *SWITCHES]
    assert variants()["multi_scale"] == Variant(multi_scale.Config())


def test_a_discriminators_parameters_are_those_of_one_source() -> None:
    first, second = 4 * 1 * 16 + 4, 8 * 4 * 16 + 8
    norm, verdict = 2 * 8, 8 * 2 * 3 + 1
    variant = Variant(spectrogram.Config.tiny())
    assert discriminator_parameters(QUICK, variant) == first + second + norm + verdict


def test_discriminators_are_compared_with_the_plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "STEPS_OF_A_TURN", 2)
    monkeypatch.setattr(costs, "peak_memory", lambda build, _: 96 if build.keywords["gan"] else 64)
    compared = {
        "default": Variant(spectrogram.Config.tiny()),
        "louder": Variant(spectrogram.Config.tiny(), Adversarial(gamma=1.0, balance=None)),
    }
    table = discriminator_costs(QUICK, compared, rounds=1, device=CPU)
    assert [row["discriminator"] for row in table.rows] == ["default", "louder"]
    for row in table.rows:
        assert row["parameters of a discriminator"] == "653"
        assert row["memory gan / plain"] == 1.5
        assert float(row["time gan / plain"]) > 0
    assert "All arms in turns of 2 steps." in table.remark


def test_a_turn_takes_as_many_steps_as_the_remark_says(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(costs, "arm_step", lambda *_: lambda: steps.append("step"))
    costs._turn(QUICK, CPU, gan=True)()
    assert len(steps) == costs.STEPS_OF_A_TURN


def test_a_lazy_penalty_counts_by_its_share() -> None:
    terms = [term for switch in SWITCHES.values() for term in switch.adversarial.regularizers]
    lazy = [term.every for term in terms if isinstance(term, r1.Config)]
    assert lazy
    assert all(costs.STEPS_OF_A_TURN % every == 0 for every in lazy)


def test_seconds_are_those_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"plain": 1.6, "discriminator": 4.0}
    monkeypatch.setattr(costs, "peak_memory", lambda *_: 64.0)
    monkeypatch.setattr(costs, "interleave", lambda *_: Known(seconds))
    table = discriminator_costs(
        QUICK, {"discriminator": Variant(spectrogram.Config.tiny())}, 1, CPU
    )
    (row,) = table.rows
    assert row["gan, s"] == 0.25
    assert row["time gan / plain"] == 2.5
    assert "plain: 0.1 s, 64 MiB" in table.remark


class Known:
    """Timings that are given."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.median = seconds.__getitem__

    def ratio(self, numerator: str, denominator: str) -> float:
        return self.median(numerator) / self.median(denominator)


@pytest.mark.slow
def test_the_section_runs_with_every_discriminator_at_its_smallest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(costs, "peak_memory", lambda *_: 64.0)
    monkeypatch.setattr(costs, "STEPS_OF_A_TURN", 1)
    table = SECTIONS["discriminators"](True, 1, CPU)
    assert [row["discriminator"] for row in table.rows] == list(variants())
