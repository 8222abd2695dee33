import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from conftest import MakeExperiment, of_arm

from gan_sep.studies import forecast
from gan_sep.studies.forecast import EvaluationSeconds, Forecast, in_words, plan, plans
from gan_sep.studies.settings import load_study
from gan_sep.studies.work import Work
from gan_sep.training.lifecycle import Member


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the arms whose steps are timed on the spot, 2 s each; evaluation is fixed."""
    names: list[str] = []

    def step_seconds(member: Member) -> float:
        names.append(member.arm)
        return 2.0

    monkeypatch.setattr(forecast, "sampled_step_seconds", step_seconds)
    seconds = EvaluationSeconds(arm=30.0, reference_systems=300.0)
    monkeypatch.setattr(forecast, "sampled_evaluation_seconds", lambda config: seconds)
    return names


@pytest.fixture
def works(make_experiment: MakeExperiment) -> list[Work]:
    """Of 60 steps: plain done, gan at step 20, and both of another seed to do."""
    steps = "training.steps=60"
    first, second = make_experiment(steps), make_experiment(steps, "seed=1")
    return [
        Work(Member(first.plain, "plain"), step=60, evaluated=True),
        Work(Member(first, "gan"), step=20, evaluated=False),
        Work(Member(second.plain, "plain"), step=0, evaluated=False),
        Work(Member(second, "gan"), step=60, evaluated=False),
    ]


def write_timing(work: Work, *seconds: float) -> None:
    work.folder.folder.mkdir(parents=True)
    lines = [json.dumps({"step": n, "seconds_per_step": s}) for n, s in enumerate(seconds)]
    work.folder.timing_file.write_text("\n".join(lines) + "\n")


def test_times_on_record_of_any_seed_count_and_only_others_are_measured(
    works: list[Work], measured: list[str]
) -> None:
    write_timing(works[0], 5.0, 6.0, 10.0)
    estimate = Forecast(works)
    assert measured == ["gan"]
    assert [estimate.seconds(work) for work in works] == [0, 40 * 2 + 30, 60 * 7 + 30, 30]
    assert estimate.total(works) == 110 + 450 + 30
    write_timing(works[1], 3.0)  # begun meanwhile
    assert estimate.seconds(works[1]) == 40 * 3 + 30


def test_mixture_and_oracles_count_once_where_no_arm_is_evaluated_yet(
    works: list[Work], measured: list[str]
) -> None:
    assert Forecast(works[1:]).total(works[1:]) == (80 + 30) + (120 + 30) + 30 + 300
    assert Forecast(works[:1]).total(works[:1]) == 0
    assert measured == ["gan", "plain"]


def test_what_is_measured_is_said_meanwhile(
    works: list[Work], measured: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Forecast(works)
    bar = capsys.readouterr().err
    assert "timing a step of gan" in bar
    assert "timing a step of plain" in bar
    assert "timing an evaluation:  67%" in bar
    Forecast(works[:1])  # done: nothing to measure
    assert capsys.readouterr().err == ""


def test_the_plan_has_a_line_for_each_arm_and_the_sum(
    works: list[Work], measured: list[str]
) -> None:
    assert plan(works, Forecast(works)) == (
        "seed0-plain  done\n"
        "seed0-gan    resume at step 20 of 60  about 2 min\n"
        "seed1-plain  to do                    about 3 min\n"
        "seed1-gan    evaluate                 about a minute\n"
        "In all about 5 min."
    )


def test_steps_that_the_trunk_makes_count_once(
    make_experiment: MakeExperiment, measured: list[str]
) -> None:
    steps = ("training.steps=60", "adversarial={warmup_steps: 50, head_start_steps: 10}")
    config = make_experiment(*steps)
    plain = Work(Member(config.plain, "plain"), step=0, evaluated=False)
    trunk = plain.folder
    gan = Work(Member(config, "gan", trunk), step=0, evaluated=False)
    other = make_experiment(*steps, "optimizer.lr=1")
    early = Work(Member(other, "early", trunk), step=0, evaluated=False)
    estimate = Forecast([plain, gan, early])
    assert [estimate.seconds(work) for work in (plain, gan, early)] == [150, 20 * 2 + 30, 150]
    begun = Work(gan.member, step=45, evaluated=False)
    assert Forecast([plain, begun]).seconds(begun) == 15 * 2 + 30


def test_plans_of_several_studies_count_an_arm_in_common_once(
    experiment_file: Path, measured: list[str]
) -> None:
    study = {
        "name": "tiny",
        "experiment": str(experiment_file),
        "arms": {"plain": {"discriminator": None}, "gan": {}},
    }
    files = [experiment_file.with_name(f"{name}.yaml") for name in ("one", "two")]
    for file in files:
        file.write_text(yaml.safe_dump(study | {"report": f"reports/{file.stem}"}, sort_keys=False))
    studies = [load_study(file) for file in files]
    alone = plans(studies[:1])
    assert alone.splitlines()[0].startswith("seed0-plain  to do")
    both = plans(studies)
    assert both.startswith("reports/one\nseed0-plain  to do")
    assert "\n\nreports/two\nAll arms are those of others.\n\nAll studies about " in both


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "no time"),
        (0.1, "about a minute"),
        (61, "about 2 min"),
        (3600, "about 1 h 00 min"),
        (7501, "about 2 h 06 min"),
        (math.nan, "unknown time"),
    ],
)
def test_durations_are_said_to_the_minute(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize("arm", ["plain", "gan"])
def test_steps_and_evaluation_are_measured_without_writing_anything(
    make_experiment: MakeExperiment, arm: str
) -> None:
    config = of_arm(make_experiment("evaluation.oracles=[irm1]"), arm)
    assert 0 < forecast.sampled_step_seconds(Member(config, arm)) < 60
    measured = forecast.sampled_evaluation_seconds(config)
    assert 0 < measured.arm < 60
    assert 0 < measured.reference_systems < 60
    assert not config.runs.exists()


def test_an_arm_that_diverges_at_once_has_no_estimate(make_experiment: MakeExperiment) -> None:
    config = make_experiment("optimizer.lr=1e30").plain
    before = torch.get_num_threads()
    assert math.isnan(forecast.sampled_step_seconds(Member(config, "plain")))
    torch.set_num_threads(before)
