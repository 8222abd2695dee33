"""A study's file -> the experiments it asks for, and every error on that way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from gan_sep.config.loader import ConfigError, load
from gan_sep.config.run import Arm, RunConfig
from gan_sep.statistics.pairing import BASELINE

# Keys of the experiment that the study itself sets, and keys in which its arms are alike.
_GOVERNED = {"name": "name", "seed": "seeds", "arms": "arms", "label": "arms"}
_SHARED = ("runs", "audio", "data", "evaluation")


@dataclass(frozen=True)
class BudgetSettings:
    """What one call may spend: minutes of wall time, steps of training; null is without limit."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("minutes", "steps"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"{name}: expected more than 0 or null, got {value}")


@dataclass(frozen=True)
class StudySettings:
    """One study: an experiment, its arms by their differences from it, and the seeds of each.

    name names runs/NAME and the report's folder, by default reports/NAME. experiment: the file of
    the configuration, relative to the study's file. arms: name -> differences key.path=value; one
    is `plain`, and each other arm is compared with it. overrides: key.path=value for all arms.
    only: the arms this call works on, null for all: calls beside each other share a study so.
    controls: arms with which the report compares the others besides `plain`.
    Raises ValueError without seeds or arms to compare, or where `only` or `controls` name others.
    """

    name: str
    experiment: Path
    arms: dict[str, tuple[str, ...]]
    seeds: tuple[int, ...] = (0,)
    overrides: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    controls: tuple[str, ...] = ()
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    report: Path | None = None

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected at least one, each once, got {list(self.seeds)}")
        if BASELINE not in self.arms or len(self.arms) < 2:
            raise ValueError(
                f"arms: expected {BASELINE} and at least one arm to compare with it, "
                f"got {', '.join(self.arms) or 'none'}"
            )
        for arm in self.only or ():
            if arm not in self.arms:
                raise ValueError(f"only: expected some of {', '.join(self.arms)}, got {arm}")
        others = [arm for arm in self.arms if arm != BASELINE]
        for arm in self.controls:
            if arm not in others:
                raise ValueError(f"controls: expected some of {', '.join(others)}, got {arm}")

    @property
    def report_folder(self) -> Path:
        """Where the report goes."""
        return self.report or Path("reports", self.name)


def load_study(path: Path, changes: Sequence[str] = ()) -> tuple[StudySettings, list[RunConfig]]:
    """A study's file -> its settings and its experiments: seed by seed, arms in the file's order.

    The plain arm comes first all the same, since its twins begin with its steps.
    changes: key.path=value; keys of the study change the study, all others change the experiment
    of all arms. Each experiment has a single arm and is resolved as training writes it down.
    Raises ConfigError naming the file and, where it is one arm's, the arm.
    """
    keys = {setting.name for setting in fields(StudySettings)}
    own = [text for text in changes if _first_key(text) in keys]
    others = tuple(text for text in changes if _first_key(text) not in keys)
    try:
        settings = load(StudySettings, path, own)
        settings = replace(
            settings,
            experiment=path.parent / settings.experiment,
            overrides=settings.overrides + others,
        )
        configs = list(_experiments(settings))
        _require_one_precision(configs)
        return settings, configs
    except ConfigError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ConfigError(f"{path}: {error}") from error


Study = tuple[StudySettings, list[RunConfig]]


def load_studies(path: Path, changes: Sequence[str] = ()) -> list[Study]:
    """The study of a file, or those of a folder's files NAME.yaml in the order of their names.

    Raises ConfigError as `load_study`, and where there is no study or two have one report.
    """
    if not path.is_dir():
        return [load_study(path, changes)]
    studies = [load_study(file, changes) for file in sorted(path.glob("*.yaml"))]
    if not studies:
        raise ConfigError(f"{path}: expected studies NAME.yaml directly in the folder, found none")
    reports = [settings.report_folder for settings, _ in studies]
    for report in reports:
        if reports.count(report) > 1:
            raise ConfigError(f"{path}: report: expected another of each study, got {report} twice")
    return studies


def _experiments(settings: StudySettings) -> Iterator[RunConfig]:
    _refuse(settings.overrides, _GOVERNED, "overrides", "the study sets it, see")
    try:
        load(RunConfig, settings.experiment, _alone(settings.overrides))
    except ConfigError as error:  # no arm's own mistake
        raise ConfigError(f"experiment with overrides: {error}") from error
    for seed in settings.seeds:
        for arm in sorted(settings.arms, key=lambda name: name != BASELINE):
            try:
                yield _experiment(settings, arm, seed)
            except ValueError as error:
                raise ConfigError(f"arms.{arm}: {error}") from error


def _require_one_precision(configs: Sequence[RunConfig]) -> None:
    """ConfigError where arms differ in it: a process computes in one precision."""
    precisions = {str(config.training.precision): None for config in configs}
    if len(precisions) > 1:
        raise ConfigError(
            f"arms: expected the same training.precision for all, got {', '.join(precisions)}; "
            "it belongs under `overrides`"
        )


def _experiment(settings: StudySettings, arm: str, seed: int) -> RunConfig:
    differences = settings.arms[arm]
    _refuse(differences, _GOVERNED, "", "the study sets it, see")
    alike = dict.fromkeys(_SHARED, "overrides")
    _refuse(differences, alike, "", "the arms of a study are alike in it; it belongs under")
    config = load(RunConfig, settings.experiment, _alone((*settings.overrides, *differences)))
    role = _role(arm, config)
    label = None if arm == role else arm
    config = replace(config, name=settings.name, seed=seed, arms=(role,), label=label)
    return config.arm(role)


def _role(arm: str, config: RunConfig) -> Arm:
    """What an arm is trained as: its name says it, or else whether it has discriminators."""
    if arm == "plain":
        return "plain"
    return "gan" if arm == "gan" or config.discriminator is not None else "plain"


def _alone(changes: Sequence[str]) -> tuple[str, ...]:
    """The changes, on an experiment that needs no discriminators to be valid."""
    return (*changes, "arms=[plain]", "label=null")


def _refuse(changes: Sequence[str], keys: dict[str, str], where: str, why: str) -> None:
    """ConfigError where a change is of one of the keys; their values say where it belongs."""
    for text in changes:
        key = _first_key(text)
        if key in keys:
            raise ConfigError(f"{where}{': ' if where else ''}{text}: {why} `{keys[key]}`")


def _first_key(change: str) -> str:
    """The first part of the key of `key.path=value`."""
    return change.partition("=")[0].partition(".")[0]
