"""The report, from the files of two small runs to the folder that is committed."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from commands import call
from conftest import MakeExperiment, without_painting
from page_study import write_report

from gan_sep.adversarial.diagnostics import SETS, measure
from gan_sep.config.loader import to_dict
from gan_sep.reporting.provenance import configuration_section, data_section, provenance_section
from gan_sep.reporting.report import NO_WORDS, references_once
from gan_sep.reporting.runs import find_arms
from gan_sep.reporting.study import Study

ROWS = Path("evaluation", "test", "rows.csv")

SOURCES = ("drums", "vocals")
TRACKS = tuple("abcdefghij")


BOTH = {"plain": 0.0, "gan": 1.0}


def write_run(folder: Path, seed: int = 0, arms: Mapping[str, float] = BOTH) -> Path:
    """All arms of one seed, which are so many dB better on drums and so many worse on vocals."""
    for arm, better in arms.items():
        arm_folder = folder / f"seed{seed}-{arm}"
        (arm_folder / ROWS).parent.mkdir(parents=True)
        write_rows(arm_folder / ROWS, seed, arm, better)
        config = {
            "name": folder.name,
            "question": "Is it better?",
            "data": {"name": "stem_folders", "root": "music"},
            "audio": {"sample_rate": 16000, "channels": 1, "sources": list(SOURCES)},
            "generator": {"name": "demucs", "channels": 4, "depth": 2, "lstm_layers": 0},
            "discriminator": {"name": arm} if arm != "plain" else None,
            "adversarial": {"warmup_steps": 20},
            "training": {"select": "usdr"},
            "losses": [{"name": "l1_time"}],
            "of_another_version": 1,
            "unpaired": None,
        }
        (arm_folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        environment = {
            "command": f"accelerate launch experiments/train_gan.py seed={seed}",
            "commit": "0123abc",
            "versions": {"torch": "2.11.0"},
            "tracks": {"train": 9, "of them paired": 7, "valid": 2, "test": 5},
            "machine": {"cores": 2},
            "parameters": 100,
        }
        (arm_folder / "environment.json").write_text(json.dumps(environment))
        write_lines(arm_folder / "records.jsonl", records(arm))
        write_lines(arm_folder / "timing.jsonl", timing(arm))
    return folder


def write_rows(path: Path, seed: int, arm: str, better: float) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["seed", "arm", "track", "source", "metric", "value"])
        for name, level in (("mixture", 0.0), (arm, 5.0)):
            for number, track in enumerate(TRACKS):
                for source, sign in zip(SOURCES, (1, -1), strict=True):
                    # No two tracks differ alike: scipy's exact test of ties takes a second each.
                    difference = better * sign * (1 + number * 1e-9)
                    value = level + number / 10 + (difference if name == arm else 0)
                    for metric in ("sdr", "usdr"):
                        writer.writerow([seed, name, track, source, metric, value])


def records(arm: str) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [
        {"step": step, "kind": "train", "loss": {"reconstruction": {"drums": 0.1, "vocals": 0.2}}}
        for step in (10, 20, 30, 40)
    ]
    if arm != "plain":
        active = {name: torch.ones(10, 2, dtype=torch.bool) for name in SETS}
        for step in (30, 40):
            spread = torch.linspace(-0.05, 0.05, 10)[:, None].expand(10, 2)
            scores = {name: (0.8 if "real" in name else 0.2) + spread for name in SETS}
            diagnosis = measure(scores, active, SOURCES)
            lines.append({"step": step, "kind": "diagnosis", "sources": diagnosis})
    return lines


def timing(arm: str) -> list[dict[str, object]]:
    seconds = {"plain": (9, 0.5, 0.5, 0.5), "gan": (9, 0.5, 1.0, 0.75)}.get(arm, (9, 2, 2, 2))
    memory = {"plain": 1000.0, "gan": 1250.0}.get(arm, 500.0)
    return [
        {"step": 10 * (place + 1), "seconds_per_step": value, "peak_memory_mib": memory}
        for place, value in enumerate(seconds)
    ]


def write_lines(path: Path, lines: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def report(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with without_painting():
        write_report(run_folder, folder)
    return folder


def heads(path: Path) -> list[str]:
    return [line[3:] for line in path.read_text().splitlines() if line.startswith("## ")]


SMALL = {"README.md", "details.md", "forest.png", "table.csv"}
FULL = {
    *("comparison.png", "curves.png", "discriminators-seed0-gan.png", "scores-seed0-gan.png"),
    *("excerpts", "index.html", "rows.csv", "table.json", "table.md"),
}


def test_the_report_holds_every_section_and_file(report: Path) -> None:
    readme, details = report / "README.md", report / "details.md"
    assert readme.read_text().startswith("# small\n\nIs it better?\n\n## Answer\n\nNothing yet")
    assert heads(readme) == ["Answer", "Result"]
    assert heads(details) == [
        *("Result", "Training", "Discriminators", "Cost", "Data", "How it was made"),
        "Configuration",
    ]
    assert {path.name for path in report.iterdir()} | {"excerpts"} == SMALL | FULL
    for name in ("comparison.png", "curves.png", "scores-seed0-gan.png"):
        assert name in details.read_text()


def test_the_report_gives_the_differences_with_their_verdicts(report: Path) -> None:
    readme = (report / "README.md").read_text()
    assert "| GAN - plain | +1.00 | -1.00 | +0.00 |" in readme
    assert "| verdict | one seed | one seed | one seed |" in readme
    assert "Cost of training, 40 steps: plain 1.8 minutes, GAN 1.9 minutes." in readme
    assert "GAN, seed 0: healthy: drums, vocals." in (report / "details.md").read_text()
    assert len((report / "rows.csv").read_text().splitlines()) == 1 + 3 * 10 * 2 * 2


def test_the_rows_hold_mixture_and_oracles_once_and_trained_arms_of_every_seed() -> None:
    rows = pd.DataFrame(
        [
            (seed, arm, "a", "drums", "sdr", value)
            for seed in (0, 1)
            for arm, value in (("mixture", 0.0), ("irm1", 9.0), ("gan", 5.0 + seed))
        ],
        columns=["seed", "arm", "track", "source", "metric", "value"],
    )
    kept = references_once(rows)
    assert list(zip(kept["seed"], kept["arm"], strict=True)) == [
        (0, "mixture"),
        (0, "irm1"),
        (0, "gan"),
        (1, "gan"),
    ]


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes_and_keep_the_authors_words(
    run_folder: Path, tmp_path: Path
) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    write_report(run_folder, first)
    words = second / "words.md"
    words.parent.mkdir()
    words.write_text("It learned *nothing*.\n")
    write_report(run_folder, second)
    for path in first.iterdir():
        if path.is_file() and path.name != "README.md":
            assert (second / path.name).read_bytes() == path.read_bytes()
    quoted = (second / "README.md").read_text()
    assert "## Answer\n\nIt learned *nothing*.\n" in quoted
    assert quoted.replace(words.read_text().strip(), NO_WORDS) == (first / "README.md").read_text()


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_words_and_question_can_come_from_the_caller(run_folder: Path, tmp_path: Path) -> None:
    words = tmp_path / "draft.md"
    words.write_text("Drums gain.\n")
    write_report(run_folder, tmp_path / "out", question="Why?", words=words)
    readme = (tmp_path / "out" / "README.md").read_text()
    assert readme.startswith("# small\n\nWhy?\n")
    assert "Drums gain." in readme
    assert (tmp_path / "out" / "words.md").read_text() == "Drums gain.\n"


def test_missing_words_are_an_error(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.md"):
        write_report(run_folder, tmp_path, words=tmp_path / "nowhere.md")


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_runs_of_several_folders_count_as_several_seeds(run_folder: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", seed=1)
    said = write_report([run_folder, other], tmp_path / "report")
    assert "2 seeds (0, 1)" in said
    readme = (tmp_path / "report" / "README.md").read_text()
    assert readme.startswith("# small + other\n")
    details = (tmp_path / "report" / "details.md").read_text()
    assert "![Last scores, seed1-gan](scores-seed1-gan.png)" in details


def test_a_run_without_a_gan_arm_is_refused(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "seed0-plain").symlink_to(run_folder / "seed0-plain")
    with pytest.raises(ValueError, match="at least one to compare with it"):
        write_report(tmp_path, tmp_path / "report")


def test_the_short_form_names_what_is_there_when_asked_for_what_is_not(run_folder: Path) -> None:
    study = Study.of([run_folder])
    assert "uSDR" in study.in_short(["usdr", "gnsdr"])
    with pytest.raises(
        ValueError, match=r"expected some of sdr, sdr_mean, usdr, which .* got gnsdr"
    ):
        study.in_short(["gnsdr"])


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_a_report_of_more_arms_holds_them_all_against_the_plain_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "many", arms={"plain": 0.0, "gan": 1.0, "hinge": -1.0})
    said = write_report(run, tmp_path / "report")
    assert "Discriminators, hinge, seed 0: healthy: drums, vocals." in said
    readme = (tmp_path / "report" / "README.md").read_text()
    assert "| hinge | 4.45 | 6.45 | 5.45 | +0.00 | " in readme
    details = (tmp_path / "report" / "details.md").read_text()
    assert "| hinge | -1.00 [-1.00, -1.00] one seed | +1.00 [+1.00, +1.00] one seed |" in details
    assert "| hinge | 0.00 | 40 | 2.5 | 2.000 | 4.00 | 500 | 0.50 | - |" in details
    assert "- The hinge arm differs in: discriminator (name hinge)." in details
    assert (tmp_path / "report" / "scores-seed0-hinge.png").is_file()


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_arms_are_held_against_the_controls_that_are_named(tmp_path: Path) -> None:
    arms = {"plain": 0.0, "gan": 1.0, "hinge": -1.0, "frozen": 0.25}
    run = write_run(tmp_path / "many", arms=arms)
    against = Study.of([run], ["frozen"]).against_controls
    usdr = against[(against["statistic"] == "usdr") & (against["arm"] == "hinge")]
    assert usdr["difference"].tolist() == pytest.approx([-1.25, 1.25, 0])
    write_report(run, tmp_path / "report", controls=["frozen"])
    details = (tmp_path / "report" / "details.md").read_text()
    section = details.partition("## Against controls\n\n")[2].partition("\n\n## ")[0]
    assert section.startswith("| All, difference from frozen | GAN | hinge |\n")
    assert "| uSDR (whole tracks), mean of tracks, dB, higher is better | " in section
    assert section.count("0.00, ") == 2 * 3  # drums gain what vocals lose
    assert "- Each difference is arm - frozen, with its 95 % interval" in section
    table = pd.read_csv(tmp_path / "report" / "table.csv")
    chosen = table.query("baseline == 'frozen' and statistic == 'usdr' and source == 'drums'")
    assert dict(zip(chosen["arm"], chosen["difference"], strict=True)) == {
        "plain": -0.25,
        "gan": 0.75,
        "hinge": -1.25,
    }
    assert "They are no verdict." in section
    page = (tmp_path / "report" / "index.html").read_text()
    assert "<summary>Difference from frozen</summary>" in page
    for nobody in ("plain", "froze"):
        with pytest.raises(ValueError, match=f"controls: expected some of gan, .*, got {nobody}"):
            write_report(run, tmp_path / "report", controls=[nobody])


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("scores", "step", "unaffected"),
    [((3.0, 2.0, 2.5), 10, True), ((1.0, 2.0, 2.0), 20, True), ((1.0, None, 2.0), 30, False)],
)
def test_weights_from_before_the_discriminators_acted_are_pointed_out(
    tmp_path: Path, scores: tuple[float | None, ...], step: int, unaffected: bool
) -> None:
    folder = write_run(tmp_path / "small")
    for arm in BOTH:
        valid: list[dict[str, object]] = [
            {"step": 10 * (place + 1), "kind": "valid", "usdr": {"All": score}}
            for place, score in enumerate(scores)
        ]
        write_lines(folder / f"seed0-{arm}" / "records.jsonl", records(arm) + valid)
    study = Study.of([folder])
    assert [run.evaluated_step for run in study.runs] == [step, step]
    assert list(study.unaffected) == ([(0, "gan")] if unaffected else [])
    write_report(folder, tmp_path / "report")
    text = (tmp_path / "report" / "details.md").read_text()
    sentence = f"which were evaluated, are of step {step}, before the "
    assert text.count(sentence) == unaffected


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_what_sdr_does_not_measure_has_a_table_where_it_was_measured(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    for arm in BOTH:
        path = run / f"seed0-{arm}" / ROWS
        path.write_text(path.read_text().replace(",usdr,", ",mr_stft,"))
    write_report(run, tmp_path / "report")
    details = (tmp_path / "report" / "details.md").read_text()
    section = details.partition("## What SDR does not measure\n\n")[2].partition("\n\n## ")[0]
    (line,) = section.splitlines()[2:]
    assert line.startswith("| Multi-resolution STFT distance | lower is better | 0.450 | 5.450 |")


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_published_results_stand_in_the_report_of_their_data_set(tmp_path: Path) -> None:
    run = write_run(tmp_path / "mir")
    for arm in ("plain", "gan"):
        path = run / f"seed0-{arm}" / "config.yaml"
        config = yaml.safe_load(path.read_text())
        config["data"] = {"name": "mir1k", "mixing": "equal_energy"}
        path.write_text(yaml.safe_dump(config))
        path = run / f"seed0-{arm}" / ROWS
        lines = path.read_text().replace("vocals", "voice").splitlines()
        measured = [line for line in lines if ",usdr," in line]
        for metric in ("nsdr_v3", "sir_v3", "sar_v3"):
            lines += [line.replace(",usdr,", f",{metric},") for line in measured]
        lines += [line.partition("usdr,")[0] + "seconds,4.5" for line in measured]
        path.write_text("\n".join(lines) + "\n")
    write_report(run, tmp_path / "report")
    readme = (tmp_path / "report" / "details.md").read_text()
    assert "## Next to published results\n\n| voice, dB | GNSDR | GSIR | GSAR |" in readme
    assert "| RNMF | 4.97 | 7.66 | 10.03 |" in readme


def test_provenance_tells_command_commit_seed_versions_and_machine(run_folder: Path) -> None:
    section = provenance_section(find_arms([run_folder]))
    assert section == (
        "```\naccelerate launch experiments/train_gan.py seed=0\n```\n\n"
        "- commit: 0123abc\n- seeds: 0\n- versions: torch 2.11.0\n- machine: cores 2\n"
    )


def test_arms_of_different_commits_are_pointed_out(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    path = run / "seed0-gan" / "environment.json"
    path.write_text(path.read_text().replace("0123abc", "4567def"))
    assert "- commit: 0123abc, 4567def (the arms differ)" in provenance_section(find_arms([run]))


def test_the_configuration_is_the_gan_arms_with_what_the_plain_arm_changes(
    run_folder: Path,
) -> None:
    section = configuration_section(find_arms([run_folder]))
    assert section.startswith("- The plain arm differs in: discriminator null.\n")
    assert "discriminator:\n  name: gan\n" in section


def test_another_generator_is_told_in_whole_and_what_an_older_version_could_not_say_is_not(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    gan = to_dict(make_experiment())
    plain = to_dict(make_experiment("generator={name: wave_unet, depth: 3}"))
    del gan["adversarial"]["regularizers"]
    for arm, config in (("plain", plain), ("gan", gan)):
        folder = tmp_path / f"seed0-{arm}"
        folder.mkdir()
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (line, *_) = configuration_section(find_arms([tmp_path])).splitlines()
    assert line.startswith("- The plain arm differs in: generator (name wave_unet, depth 3, ")
    assert "regularizers" not in line
    assert "null" not in line.partition(")")[2]


def test_unpaired_material_is_told_once_for_the_arms_that_share_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", arms={"plain": 0.0, "gan": 0.0, "hinge": 0.0, "wide": 0.0})
    runs = find_arms([run])
    for each in runs:
        each.config["unpaired"] = {"set_aside": 9 if each.arm == "hinge" else 4}
    lines = data_section(runs, 10).splitlines()
    assert lines[1:3] == [
        "- unpaired material of GAN, wide: set_aside 4",
        "- unpaired material of hinge: set_aside 9",
    ]


def test_the_data_section_says_where_unpaired_tracks_come_from_by_default(tmp_path: Path) -> None:
    runs = find_arms([write_run(tmp_path / "run")])
    for each in runs:
        each.config["unpaired"] = {"mixtures": None, "stems": None, "set_aside": 0}
    expected = (
        "- unpaired material of GAN: the training tracks that are not paired in the same step "
        "(mixtures null, stems null, set_aside 0)"
    )
    assert expected in data_section(runs, 10).splitlines()


def test_the_data_section_names_set_format_and_unpaired_material(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    runs = find_arms([run])
    for each in runs:
        each.config["unpaired"] = {"set_aside": 4}
    assert data_section(runs, 10).splitlines() == [
        "- data set: name stem_folders, root music",
        "- unpaired material of GAN: set_aside 4",
        "- audio: 16000 Hz, mono; sources drums, vocals",
        "- tracks: train 9, of them paired 7, valid 2, test 5",
        "- tested on 10 tracks that training and choice of weights never saw",
    ]


@pytest.mark.usefixtures("unpainted")
@pytest.mark.slow
def test_the_program_prints_the_tables_and_writes_the_report(
    run_folder: Path, tmp_path: Path
) -> None:
    done = call("compare", run_folder, "--metric", "usdr", "--out", tmp_path)
    assert done.status == 0, done.err
    assert "uSDR (whole tracks), mean of tracks, dB" in done.out
    assert "SDR (BSSEval v4)" not in done.out
    assert (tmp_path / "README.md").is_file()

    failed = call("compare", run_folder, "--controls", "hinge")
    assert failed.status == 2
    assert "controls: expected some of gan, got hinge" in failed.err
    failed = call("compare", tmp_path)
    assert failed.status == 2
    assert "found none; name the folder above them, runs/NAME" in failed.err
