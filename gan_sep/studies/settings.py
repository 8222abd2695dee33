"""A study's file -> the runs it asks for, and every error on that way."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from gan_sep.config.loader import ConfigError, load
from gan_sep.config.run import RunConfig, Start
from gan_sep.ranges import at_least, positive
from gan_sep.runs import ARM_NAME
from gan_sep.statistics.pairing import BASELINE, REFERENCE_SYSTEMS
from gan_sep.training.lifecycle import Member

# Keys of a run that the study itself sets, and keys in which its arms are alike.
_GOVERNED = {"name": "name", "seed": "seeds"}
_SHARED = ("runs", "audio", "data", "evaluation")

# Names of arms are parts of rows, where these mean something else.
_RESERVED = ("reference", *REFERENCE_SYSTEMS)


@dataclass(frozen=True)
class BudgetSettings:
    """What one call may spend; null is without limit."""

    minutes: float | None = None  # of wall time
    steps: int | None = None  # of training

    def __post_init__(self) -> None:
        positive(self, "minutes", "steps")


@dataclass(frozen=True)
class Trunk:
    """The arm whose first steps the other arms of a seed share."""

    arm: str = BASELINE  # whose first steps are shared
    # Where the others branch off: null where their discriminators begin to learn, for those that
    # are the same until then; a number for all, whatever they change.
    step: int | None = None
    take: Literal["weights", "everything"] = "everything"  # as in `start`; with a step

    def __post_init__(self) -> None:
        at_least(1, self, "step")


@dataclass(frozen=True)
class StudySettings:
    """One study: a configuration, its arms by their differences from it, and their seeds."""

    name: str  # of runs/NAME and of the report's folder
    experiment: Path  # the file of the configuration, relative to the study's file
    # Name -> nested keys in which the arm differs, `gentle: {adversarial: {balance: 0.1}}`; one is
    # `plain`, with which each other arm is compared.
    arms: dict[str, Any]
    seeds: tuple[int, ...] = (0,)  # every arm is trained with each
    overrides: dict[str, Any] = field(default_factory=dict)  # nested keys for all arms
    trunk: Trunk | None = field(default_factory=Trunk)  # null: each arm makes all its steps
    # The arms this call works on, null for all: calls beside each other share a study so.
    only: tuple[str, ...] | None = None
    # Arms that are trained for one source each, separated as one: a name -> source -> the arm that
    # its estimate is taken from, `per_source: {drums: drums, bass: bass, other: other, ...}`.
    bags: dict[str, dict[str, str]] = field(default_factory=dict)
    controls: tuple[str, ...] = ()  # arms with which the report compares the others besides plain
    budget: BudgetSettings = field(default_factory=BudgetSettings)  # of one call
    report: Path | None = None  # the report's folder, null for reports/NAME

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected at least one, each once, got {list(self.seeds)}")
        if BASELINE not in self.arms or len(self.arms) < 2:
            raise ValueError(
                f"arms: expected {BASELINE} and at least one arm to compare with it, "
                f"got {', '.join(self.arms) or 'none'}"
            )
        for arm, differences in self.arms.items():
            if re.fullmatch(ARM_NAME, arm) is None or arm in _RESERVED:
                raise ValueError(
                    "arms: expected names of letters, digits, _ and -, and none of "
                    f"{', '.join(_RESERVED)}, got {arm!r}"
                )
            if not isinstance(differences, dict):
                raise ValueError(
                    f"arms.{arm}: expected a mapping of the keys in which it differs, such as "
                    f"{{adversarial: {{balance: 0.1}}}}, or {{}}, got {differences!r}"
                )
        if self.trunk is not None and self.trunk.arm not in self.arms:
            raise ValueError(
                f"trunk.arm: expected one of {', '.join(self.arms)}, got {self.trunk.arm}"
            )
        for arm in self.only or ():
            if arm not in self.arms:
                raise ValueError(f"only: expected some of {', '.join(self.arms)}, got {arm}")
        self._check_bags()
        others = [arm for arm in (*self.arms, *self.bags) if arm != BASELINE]
        for arm in self.controls:
            if arm not in others:
                raise ValueError(f"controls: expected some of {', '.join(others)}, got {arm}")

    def _check_bags(self) -> None:
        for name, bag in self.bags.items():
            taken = (*self.arms, *_RESERVED)
            if re.fullmatch(ARM_NAME, name) is None or name in taken:
                raise ValueError(
                    "bags: expected names of letters, digits, _ and -, and none of "
                    f"{', '.join(taken)}, got {name!r}"
                )
            for source, arm in bag.items():
                if arm not in self.arms:
                    raise ValueError(
                        f"bags.{name}.{source}: expected one of {', '.join(self.arms)}, got {arm}"
                    )

    @property
    def report_folder(self) -> Path:
        """Where the report goes."""
        return self.report or Path("reports", self.name)


Study = tuple[StudySettings, list[Member]]


def load_study(path: Path, changes: Sequence[str] = ()) -> Study:
    """A study's file -> its settings and its runs: seed by seed, arms in the file's order.

    The trunk comes first all the same, since the others begin with its steps.
    changes: key.path=value; keys of the study change the study, all others change the configuration
    of all arms. Raises ConfigError naming the file and, where it is one arm's, the arm.
    """
    keys = {setting.name for setting in fields(StudySettings)}
    own = [text for text in changes if _first_key(text) in keys]
    others = [text for text in changes if _first_key(text) not in keys]
    try:
        settings = load(StudySettings, path, own)
        settings = replace(settings, experiment=path.parent / settings.experiment)
        members = list(_members(settings, others))
        _require_sources(settings.bags, members[0].config.audio.sources)
        _require_one_precision([member.config for member in members])
        return settings, members
    except ConfigError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ConfigError(f"{path}: {error}") from error


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


def _members(settings: StudySettings, changes: Sequence[str]) -> Iterator[Member]:
    _refuse(settings.overrides, _GOVERNED, "overrides", "the study sets it, see")
    for text in changes:
        _refuse({_first_key(text): None}, _GOVERNED, text, "the study sets it, see")
    shared: list[str | Mapping[str, Any]] = [settings.overrides, *changes]
    try:
        load(RunConfig, settings.experiment, shared)
    except ConfigError as error:  # no arm's own mistake
        raise ConfigError(f"experiment with overrides: {error}") from error
    trunk = settings.trunk
    first = BASELINE if trunk is None else trunk.arm
    for seed in settings.seeds:
        made: Member | None = None
        for arm in sorted(settings.arms, key=lambda name: name != first):
            try:
                config = _configuration(settings, arm, seed, shared)
                if arm == BASELINE and config.discriminator is not None:
                    raise ConfigError("discriminator: expected null in the plain arm")
                member = Member(config, arm) if made is None else _branch(config, arm, made, trunk)
            except ValueError as error:
                raise ConfigError(f"arms.{arm}: {error}") from error
            made = made or (member if trunk is not None else None)
            yield member


def _configuration(
    settings: StudySettings, arm: str, seed: int, shared: Sequence[str | Mapping[str, Any]]
) -> RunConfig:
    differences = settings.arms[arm]
    _refuse(differences, _GOVERNED, "", "the study sets it, see")
    alike = dict.fromkeys(_SHARED, "overrides")
    _refuse(differences, alike, "", "the arms of a study are alike in it; it belongs under")
    config = load(RunConfig, settings.experiment, [*shared, differences])
    trunk = settings.trunk
    if trunk is not None and trunk.step is not None and arm == trunk.arm:
        kept = tuple(sorted({*config.training.keep_steps, trunk.step}))
        config = replace(config, training=replace(config.training, keep_steps=kept))
    return replace(config, name=settings.name, seed=seed)


def _branch(config: RunConfig, arm: str, made: Member, trunk: Trunk | None) -> Member:
    """A run beside its trunk: from the trunk's step, or with what steps it happens to share."""
    assert trunk is not None
    if trunk.step is None:
        return Member(config, arm, made.folder)
    start = Start(run=made.folder.folder, step=trunk.step, take=trunk.take)
    return Member(replace(config, start=start), arm)


def _require_sources(bags: Mapping[str, Mapping[str, str]], sources: Sequence[str]) -> None:
    """ConfigError where a bag does not have an arm for every source."""
    for name, bag in bags.items():
        if sorted(bag) != sorted(sources):
            raise ConfigError(
                f"bags.{name}: expected an arm for each of {', '.join(sources)}, got "
                f"{', '.join(bag) or 'none'}"
            )


def _require_one_precision(configs: Sequence[RunConfig]) -> None:
    """ConfigError where arms differ in it: a process computes in one precision."""
    precisions = {str(config.training.precision): None for config in configs}
    if len(precisions) > 1:
        raise ConfigError(
            f"arms: expected the same training.precision for all, got {', '.join(precisions)}; "
            "it belongs under `overrides`"
        )


def _refuse(changes: Mapping[str, Any], keys: Mapping[str, str], where: str, why: str) -> None:
    """ConfigError where a change is of one of the keys; their values say where it belongs."""
    for key in changes:
        if key in keys:
            raise ConfigError(f"{where}{': ' if where else ''}{key}: {why} `{keys[key]}`")


def _first_key(change: str) -> str:
    """The first part of the key of `key.path=value`."""
    return change.partition("=")[0].partition(".")[0]
