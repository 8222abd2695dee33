"""Studies as files: what they ask for, and every mistake in them by file, arm and key."""

from pathlib import Path

import pytest
import yaml
from commands import CHECKOUT

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import RunConfig, Start
from gan_sep.studies.settings import load_studies, load_study
from gan_sep.training.lifecycle import pair

PLAIN: dict[str, object] = {"discriminator": None}
ARMS: dict[str, object] = {
    "plain": PLAIN,
    "gan": {},
    "gan_r1": {"adversarial": {"balance": 0.1}},
}


def study_file(experiment_file: Path, **changes: object) -> Path:
    """A study of the tiny experiment, in a folder beside it."""
    tree = {"name": "tiny", "experiment": "../tiny.yaml", "seeds": [0, 3], "arms": ARMS} | changes
    path = experiment_file.parent / "studies" / "study.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def test_a_study_asks_for_every_arm_of_every_seed(experiment_file: Path) -> None:
    settings, members = load_study(study_file(experiment_file))
    configs = [member.config for member in members]
    runs = experiment_file.parent / "runs/tiny"
    assert [member.folder.folder for member in members] == [
        runs / f"seed{seed}-{arm}" for seed in (0, 3) for arm in ARMS
    ]
    assert [config.discriminator is None for config in configs[:3]] == [True, False, False]
    assert [config.adversarial.balance for config in configs[:3]] == [0.2, 0.2, 0.1]
    assert [member.trunk for member in members[:3]] == [None, *2 * [members[0].folder]]
    assert settings.report_folder == Path("reports/tiny")


def test_the_plain_arm_comes_first_wherever_the_file_names_it(experiment_file: Path) -> None:
    arms = {"gan": {}, "gan_r1": {}, "plain": PLAIN}
    _, members = load_study(study_file(experiment_file, arms=arms, seeds=[0]))
    assert [member.arm for member in members] == ["plain", "gan", "gan_r1"]


def test_plain_and_gan_are_resolved_as_the_training_command_resolves_them(
    experiment_file: Path,
) -> None:
    _, members = load_study(study_file(experiment_file))
    experiment = load(RunConfig, experiment_file, ["seed=3"])
    for asked, member in zip(pair(experiment), members[3:5], strict=True):
        assert member == asked
        assert to_dict(member.config) == to_dict(asked.config)


def test_an_arm_without_discriminators_is_trained_as_a_plain_one_under_its_own_name(
    experiment_file: Path,
) -> None:
    arms = {"plain": PLAIN, "raw": PLAIN | {"training": {"ema_decay": None}}}
    _, members = load_study(study_file(experiment_file, arms=arms, seeds=[0]))
    assert [member.arm for member in members] == ["plain", "raw"]
    assert [member.config.discriminator for member in members] == [None, None]


def test_changes_go_to_the_study_where_it_has_the_key_and_else_to_all_arms(
    experiment_file: Path,
) -> None:
    path = study_file(experiment_file, overrides={"training": {"steps": 8}})
    changes = ["seeds=[5]", "budget.minutes=2", "report=there", "optimizer.lr=0.5"]
    settings, members = load_study(path, changes)
    configs = [member.config for member in members]
    assert [config.seed for config in configs] == [5, 5, 5]
    assert [to_dict(config)["optimizer"]["lr"] for config in configs] == [0.5] * 3
    assert [config.training.steps for config in configs] == [8] * 3
    assert (settings.budget.minutes, settings.budget.steps) == (2, None)
    assert settings.report_folder == Path("there")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sedes": [0]}, "sedes: unknown key; did you mean 'seeds'?"),
        ({"seeds": []}, "seeds: expected at least one, each once, got []"),
        ({"seeds": [1, 1]}, "seeds: expected at least one, each once, got [1, 1]"),
        ({"seeds": [-1]}, "arms.plain: seed: expected at least 0, got -1"),
        ({"arms": {"gan": {}}}, "arms: expected plain and at least one arm to compare with it"),
        ({"arms": {"plain": PLAIN}}, "at least one arm to compare with it, got plain"),
        ({"only": ["gna"]}, "only: expected some of plain, gan, gan_r1, got gna"),
        ({"controls": ["plain"]}, "controls: expected some of gan, gan_r1, got plain"),
        ({"budget": {"steps": 0}}, "budget.steps: expected more than 0 or null, got 0"),
        ({"experiment": "../tyni.yaml"}, "experiment with overrides: "),
        (
            {"overrides": {"optimiser": {"lr": 1}}},
            "experiment with overrides: optimiser: unknown key",
        ),
        ({"overrides": {"seed": 1}}, "overrides: seed: the study sets it, see `seeds`"),
        (
            {"arms": ARMS | {"gan_r1": {"adversarial": {"balanc": 1}}}},
            "arms.gan_r1: adversarial.balanc: unknown key; did you mean 'balance'?",
        ),
        (
            {"arms": ARMS | {"other": {"data": {"root": "x"}}}},
            "arms.other: data: the arms of a study are alike in it; it belongs under `overrides`",
        ),
        ({"arms": ARMS | {"gan": {"name": "x"}}}, "arms.gan: name: the study sets it, see `name`"),
        ({"arms": ARMS | {"gan": ["seed=1"]}}, "arms.gan: expected a mapping of the keys in which"),
        (
            {"arms": ARMS | {"plain": {}}},
            "arms.plain: discriminator: expected null",
        ),
        ({"trunk": {"arm": "gna"}}, "trunk.arm: expected one of plain, gan, gan_r1, got gna"),
        ({"trunk": {"step": 0}}, "trunk.step: expected at least 1 or null, got 0"),
        (
            {"arms": ARMS | {"gan": {"training": {"precision": "bf16"}}}},
            "arms: expected the same training.precision for all, got None, bf16; it belongs under",
        ),
        (
            {"arms": ARMS | {"irm1": {}}},
            "arms: expected names of letters, digits, _ and -",
        ),
        (
            {"arms": ARMS | {"late": {"adversarial": {"warmup_steps": 6}}}},
            "arms.late: adversarial.warmup_steps: expected less than training.steps (6)",
        ),
    ],
)
def test_a_mistake_is_named_by_file_arm_and_key(
    experiment_file: Path, changes: dict[str, object], message: str
) -> None:
    path = study_file(experiment_file, **changes)
    with pytest.raises(ConfigError) as error:
        load_study(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_a_missing_study_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_study(tmp_path / "none.yaml")
    assert str(error.value) == f"{tmp_path / 'none.yaml'}: no such configuration file"


def test_a_folder_gives_its_studies_in_the_order_of_their_names(
    experiment_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "questions"
    folder.mkdir()
    for name in ("b", "a"):
        study_file(experiment_file, name=name).rename(folder / f"{name}.yaml")
    changes = [f"experiment={experiment_file}"]
    assert [settings.name for settings, _ in load_studies(folder, changes)] == ["a", "b"]
    (alone,) = load_studies(folder / "b.yaml", changes)
    assert alone[0].name == "b"
    with pytest.raises(ConfigError, match="expected another of each study, got reports/x twice"):
        load_studies(folder, [*changes, "report=reports/x"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty: expected studies NAME\.yaml directly in the fo"):
        load_studies(tmp_path / "empty")


STUDIES = sorted((CHECKOUT / "configs/studies").rglob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_of_the_project_asks_for_arms_that_can_be_trained(path: Path) -> None:
    settings, members = load_study(path)
    assert len(members) == len(settings.seeds) * len(settings.arms)


@pytest.mark.parametrize(
    "path",
    [path for path in STUDIES if path.stem == "demo" or path.stem.endswith("small")],
    ids=lambda path: path.stem,
)
def test_studies_of_one_experiment_share_its_runs_with_the_training_command(path: Path) -> None:
    settings, members = load_study(path)
    experiment = load(RunConfig, settings.experiment)
    for member in members:
        assert (member.config.runs, member.config.name) == (experiment.runs, experiment.name)
        assert member.config.training == experiment.training


def test_a_trunk_with_a_step_is_where_all_other_arms_go_on(experiment_file: Path) -> None:
    arms = {"plain": PLAIN, "low": PLAIN | {"optimizer": {"lr": 0.1}}, "gan": {}}
    path = study_file(experiment_file, arms=arms, seeds=[0], trunk={"step": 4})
    _, members = load_study(path)
    trunk = members[0].folder.folder
    assert members[0].config.training.keep_steps == (4,)
    for member in members[1:]:
        assert member.config.start == Start(run=trunk, step=4, take="everything")
        assert member.trunk is None
    _, members = load_study(study_file(experiment_file, arms=arms, seeds=[0], trunk=None))
    assert [member.trunk for member in members] == [None] * 3
