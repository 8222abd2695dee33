"""Studies as a user runs them: whole, in pieces, beside the training command, with failures."""

import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import yaml
from commands import PYTHON, TWO_PROCESSES, Ended, call, finish, start
from conftest import without_painting, write_experiment

pytestmark = pytest.mark.usefixtures("unpainted")

ARMS = ("seed0-plain", "seed0-gan", "seed0-gan_r1")


def prepared(folder: Path, stems: Path) -> Path:
    """A folder to work in, with a study of three arms of one seed. Paths are relative to it."""
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    study = {
        "name": "tiny",
        "experiment": "tiny.yaml",
        "arms": {
            "plain": {"discriminator": None},
            "gan": {},
            "gan_r1": {"adversarial": {"balance": 0.1}},
        },
        "controls": ["gan"],
        "overrides": {"evaluation": {"oracles": ["irm1"]}, "training": {"checkpoint_every": 2}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def whole(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """The folder of a study that nothing interrupted, and what it printed."""
    folder = prepared(tmp_path_factory.mktemp("whole"), stems)
    with without_painting() as patch:
        patch.chdir(folder)
        return folder, study()


@pytest.fixture
def here(stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return prepared(tmp_path, stems)


def study(*arguments: str) -> Ended:
    return call("study", "--config", "study.yaml", *arguments)


def written(folder: Path) -> dict[Path, int]:
    """When each file was written last."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def assert_equal_results(found: Path, expected: Path) -> None:
    for arm in ARMS:
        for name in ("records.jsonl", "evaluation/test/rows.csv", "checkpoints/best.pt"):
            path = Path("runs/tiny", arm, name)
            assert (found / path).read_bytes() == (expected / path).read_bytes(), path
    table = Path("reports/tiny/table.csv")
    assert (found / table).read_bytes() == (expected / table).read_bytes()


@pytest.mark.slow
def test_one_call_trains_evaluates_and_reports_all_arms(whole: tuple[Path, Ended]) -> None:
    folder, ended = whole
    assert ended.status == 0, ended.err
    for number, arm in enumerate(ARMS, 1):
        assert f"[{number} of 3] {arm}: to do; about a" in ended.out
    assert "left of the study" in ended.out
    assert ended.out.endswith("Report: reports/tiny/README.md\n")
    report = folder / "runs/tiny/report-tiny"
    rows = (report / "rows.csv").read_text()
    for arm in ("mixture", "irm1", "plain", "gan", "gan_r1"):
        assert f"\n0,{arm},test song 0,low,usdr," in rows
    assert "GAN r1" in (report / "table.md").read_text()
    details = (folder / "reports/tiny/details.md").read_text()
    assert "| All, difference from GAN | GAN r1 |" in details
    assert {path.name for path in (folder / "reports/tiny").iterdir()} == {
        *("README.md", "details.md", "table.csv", "forest.png"),
        *("arms.csv", "rows.csv.xz", "runs.json.xz"),
    }


@pytest.mark.slow
def test_oracles_are_scored_once_and_copied(whole: tuple[Path, Ended]) -> None:
    stores = [whole[0] / "runs/tiny" / arm / "evaluation/test/irm1" for arm in ARMS]
    for store in stores[1:]:
        for path in store.glob("*.json"):
            assert path.read_bytes() == (stores[0] / path.name).read_bytes()
    assert [len(list(store.glob("*.json"))) for store in stores] == [2, 2, 2]
    bars = whole[1].err.replace("\r", "\n")
    assert "gan_r1 seed 0" in bars


@pytest.mark.slow
def test_calls_with_a_budget_of_steps_end_well_and_together_give_the_same(
    here: Path, whole: tuple[Path, Ended]
) -> None:
    first = study("budget.steps=4")
    assert (first.status, first.out.splitlines()[-1]) == (
        0,
        "The budget is used up. tiny: 0 of 3 arms are done; seed0-plain: resume at step 4 of 6; "
        "the same command goes on",
    )
    # Two of plain and four of gan, which takes its first from plain.
    second = study("budget.steps=6")
    assert second.out.splitlines()[-1] == (
        "The budget is used up. tiny: 1 of 3 arms are done; seed0-gan: resume at step 5 of 6; "
        "the same command goes on"
    )
    before = written(here)
    planned = study("--dry-run")
    assert planned.status == 0, planned.err
    lines = planned.out.splitlines()
    assert lines[0] == "seed0-plain   done"
    assert lines[1].startswith("seed0-gan     resume at step 5 of 6  about a minute")
    assert lines[2].startswith("seed0-gan_r1  to do                  about a minute")
    assert lines[3].startswith("In all about a")
    assert written(here) == before
    assert study().status == 0
    assert_equal_results(here, whole[0])


@pytest.mark.slow
def test_calls_for_different_arms_together_give_the_same(
    here: Path, whole: tuple[Path, Ended]
) -> None:
    first = study("only=[gan_r1]")
    assert (first.status, first.out.splitlines()[-1]) == (
        0,
        "Done but for the other arms. tiny: 1 of 3 arms are done; the same command goes on",
    )
    assert study("only=[plain, gan]").out.endswith("Report: reports/tiny/README.md\n")
    assert_equal_results(here, whole[0])


@pytest.mark.slow
def test_a_budget_of_no_time_is_used_up_at_the_first_step(here: Path) -> None:
    ended = study("budget.minutes=1e-6")
    assert ended.status == 0, ended.err
    assert ended.out == (
        "The budget is used up. tiny: 0 of 3 arms are done; the same command goes on\n"
    )
    assert not (here / "runs").exists()


@pytest.mark.slow
def test_a_study_killed_and_stopped_at_random_moments_ends_in_the_same_bytes(
    here: Path, whole: tuple[Path, Ended]
) -> None:
    draw = random.Random(0)
    for arm, number in (("seed0-plain", signal.SIGINT), ("seed0-gan", signal.SIGKILL)):
        process = start(PYTHON, "study", "--config", "study.yaml", folder=here)
        records = here / "runs/tiny" / arm / "records.jsonl"
        while process.poll() is None and not (records.is_file() and records.stat().st_size):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.1))
        process.send_signal(number)
        ended = finish(process)
        assert ended.status == {signal.SIGINT: 130, signal.SIGKILL: -9}[number], ended.err
        if number == signal.SIGINT:
            assert "Traceback" not in ended.err
    assert study().status == 0
    assert_equal_results(here, whole[0])


@pytest.mark.slow
def test_arms_of_the_training_command_count_and_the_studys_arms_count_for_it(here: Path) -> None:
    trained = call("train_gan", "--config", "tiny.yaml")
    assert trained.status == 0, trained.err
    checkpoints = written(here / "runs/tiny/seed0-gan/checkpoints")
    ended = study("arms.gan_r1={adversarial: {balance: 0.2}}")
    assert ended.status == 0, ended.err
    assert "[2 of 3] seed0-gan: evaluate; " in ended.out  # for the oracle
    assert written(here / "runs/tiny/seed0-gan/checkpoints") == checkpoints
    before = written(here / "runs/tiny/seed0-plain/checkpoints")
    again = call("train_gan", "--config", "tiny.yaml")
    assert again.status == 0, again.err
    assert written(here / "runs/tiny/seed0-plain/checkpoints") == before
    gan, same = (
        (here / "runs/tiny" / arm / "checkpoints/best.pt").stat().st_size
        for arm in ("seed0-gan", "seed0-gan_r1")
    )
    assert abs(gan - same) < 100  # equal but for the balance


@pytest.mark.slow
def test_other_evaluation_settings_evaluate_again_and_train_nothing(
    here: Path, whole: tuple[Path, Ended]
) -> None:
    shutil.copytree(whole[0], here, dirs_exist_ok=True)
    trained = {arm: written(here / "runs/tiny" / arm / "checkpoints") for arm in ARMS}
    ended = study("evaluation.metrics=[usdr, si_sdr, mr_stft]")
    assert ended.status == 0, ended.err
    assert "[1 of 3] seed0-plain: evaluate; " in ended.out
    for arm, files in trained.items():
        assert written(here / "runs/tiny" / arm / "checkpoints") == files
        assert ",mr_stft," in (here / "runs/tiny" / arm / "evaluation/test/rows.csv").read_text()
    rows = {arm: written(here / "runs/tiny" / arm) for arm in ARMS}
    finished = study("evaluation.metrics=[usdr, si_sdr, mr_stft]")
    assert (finished.status, "evaluate; " in finished.out) == (0, False)
    assert {arm: written(here / "runs/tiny" / arm) for arm in ARMS} == rows


@pytest.mark.slow
def test_only_a_report_below_the_runs_holds_music(here: Path, whole: tuple[Path, Ended]) -> None:
    shutil.copytree(whole[0], here, dirs_exist_ok=True)
    ended = study("report=runs/tiny/report")
    assert ended.out.endswith("Report: runs/tiny/report/README.md\n")
    assert list((here / "runs/tiny/report").glob("excerpts/sound-*"))
    assert not list((here / "reports/tiny").glob("excerpts/sound-*"))


@pytest.mark.slow
def test_an_arm_that_diverges_takes_no_other_down_and_there_is_no_report(here: Path) -> None:
    ended = study("arms.gan={optimizer: {lr: 1.0e+30}}")
    assert ended.status == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("error: seed0-gan: step ")
    assert "no report is written without seed0-gan: change" in last
    assert "seed0-gan failed: step " in ended.out
    for arm, there in (("plain", True), ("gan", False), ("gan_r1", True)):
        rows = here / f"runs/tiny/seed0-{arm}/evaluation/test/rows.csv"
        assert rows.is_file() == there
    assert not (here / "reports").exists()


@pytest.mark.slow
def test_two_processes_stop_at_one_budget_and_finish_a_study(here: Path) -> None:
    arguments = ("--config", "study.yaml")
    stopped = finish(start(TWO_PROCESSES, "study", *arguments, "budget.steps=8", folder=here))
    assert stopped.status == 0, stopped.err
    assert stopped.out.count("seed0-gan: resume at step 3 of 6; the same command goes on") == 1
    assert stopped.out.count("[1 of 3] ") == 1
    ended = finish(start(TWO_PROCESSES, "study", *arguments, folder=here))
    assert ended.status == 0, ended.err
    assert ended.out.endswith("Report: reports/tiny/README.md\n")


@pytest.mark.slow
def test_a_folder_of_studies_is_run_by_one_call_and_summed_up(here: Path) -> None:
    questions = here / "questions"
    questions.mkdir()
    tree = yaml.safe_load((here / "study.yaml").read_text()) | {"experiment": "../tiny.yaml"}
    more = {"plain": {"discriminator": None}, "late": {"adversarial": {"warmup_steps": 3}}}
    tree["overrides"]["evaluation"]["validation"] = ["usdr"]
    del tree["controls"]
    for name, arms in (("first", tree["arms"]), ("second", more)):
        text = yaml.safe_dump(
            tree | {"arms": arms, "report": f"reports/questions/{name}"}, sort_keys=False
        )
        (questions / f"{name}.yaml").write_text(text)
    planned = call("study", "--config", "questions", "--dry-run")
    assert planned.status == 0, planned.err
    assert planned.out.count("seed0-plain ") == 1  # the first study's is the second's too
    stopped = call("study", "--config", "questions", "budget.steps=8")
    assert stopped.out.count("The budget is used up.") == 2
    assert not (here / "reports").exists()
    ended = call("study", "--config", "questions")
    assert ended.status == 0, ended.err
    assert ended.out.endswith("Overview: reports/questions/README.md\n")
    text = (here / "reports/questions/README.md").read_text()
    assert "## first" in text
    assert "| late | " in text
    assert text.count("| validation: uSDR (whole tracks), dB, higher is bet") == 2
    rows = (here / "runs/tiny/seed0-late/evaluation/valid/rows.csv").read_text()
    assert "\n0,late,valid song 0,low,usdr," in rows
    assert (here / "runs/tiny/report-second/index.html").is_file()
    kept = sorted(path.name for path in (here / "reports/questions").rglob("rows.csv.xz"))
    assert len(kept) == 1


def test_a_mistake_ends_in_one_line_that_names_file_arm_and_key(here: Path) -> None:
    ended = study("arms.gan={optimizer: {rate: 1}}")
    assert ended.status == 2
    expected = "error: study.yaml: arms.gan: optimizer.rate: unknown key; "
    assert ended.err.splitlines()[-1].startswith(expected)
    assert not (here / "runs").exists()
