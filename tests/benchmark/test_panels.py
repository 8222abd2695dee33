"""What panels cost: every file of the folder is there, and ratios are of the plain step."""

import pytest
import torch

from gan_sep.benchmark import panels
from gan_sep.benchmark.panels import SWITCHES, Variant, judge_parameters, panel_costs, variants
from gan_sep.benchmark.sections import SECTIONS
from gan_sep.benchmark.settings import QUICK
from gan_sep.config.loader import Component
from gan_sep.config.run import Adversarial
from gan_sep.discriminators import multi_scale, spectrogram

CPU = torch.device("cpu")


def test_every_panel_is_there_at_its_default_before_the_switches() -> None:
    names = Component("discriminators").names()
    assert list(variants()) == [*names, *SWITCHES]
    assert variants()["multi_scale"] == Variant(multi_scale.Config())


def test_a_judges_parameters_are_those_of_one_source() -> None:
    first, second = 4 * 1 * 16 + 4, 8 * 4 * 16 + 8
    norm, verdict = 2 * 8, 8 * 2 * 3 + 1
    variant = Variant(spectrogram.Config.tiny())
    assert judge_parameters(QUICK, variant) == first + second + norm + verdict


def test_panels_are_compared_with_the_plain_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "STEPS_OF_A_TURN", 2)
    monkeypatch.setattr(panels, "peak_memory", lambda build, _: 96 if build.keywords["gan"] else 64)
    compared = {
        "default": Variant(spectrogram.Config.tiny()),
        "louder": Variant(spectrogram.Config.tiny(), Adversarial(gamma=1.0, balance=None)),
    }
    table = panel_costs(QUICK, compared, rounds=1, device=CPU)
    assert [row["panel"] for row in table.rows] == ["default", "louder"]
    for row in table.rows:
        assert row["parameters of a judge"] == "653"
        assert row["memory gan / plain"] == 1.5
        assert float(row["time gan / plain"]) > 0
    assert "All arms in turns of 2 steps." in table.remark


def test_a_turn_takes_as_many_steps_as_the_remark_says(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(panels, "arm_step", lambda *_: lambda: steps.append("step"))
    panels._turn(QUICK, CPU, gan=True)()
    assert len(steps) == panels.STEPS_OF_A_TURN


def test_a_lazy_penalty_counts_by_its_share() -> None:
    lazy = [v.adversarial.gradient_penalty for v in SWITCHES.values()]
    assert any(lazy)
    assert all(panels.STEPS_OF_A_TURN % penalty.every == 0 for penalty in lazy if penalty)


def test_seconds_are_those_of_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"plain": 1.6, "panel": 4.0}
    monkeypatch.setattr(panels, "peak_memory", lambda *_: 64.0)
    monkeypatch.setattr(panels, "interleave", lambda *_: Known(seconds))
    table = panel_costs(QUICK, {"panel": Variant(spectrogram.Config.tiny())}, 1, CPU)
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


def test_the_section_runs_with_every_panel_at_its_smallest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panels, "peak_memory", lambda *_: 64.0)
    monkeypatch.setattr(panels, "STEPS_OF_A_TURN", 1)
    table = SECTIONS["panels"](True, 1, CPU)
    assert [row["panel"] for row in table.rows] == list(variants())
