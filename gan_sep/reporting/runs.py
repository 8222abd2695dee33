"""What finished runs left behind: rows, records, configuration and environment of every arm."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gan_sep.adversarial.verdict import Verdict, verdict
from gan_sep.config.run import LAST
from gan_sep.data.base import Split
from gan_sep.evaluation.rows import TrackSpeed
from gan_sep.losses.base import numbered
from gan_sep.names import from_cell
from gan_sep.runs import RunFolder, is_run_name, reading_file
from gan_sep.statistics.pairing import BASELINE, COLUMNS, MIXTURE, REFERENCE_SYSTEMS

# Settings of the evaluation that change how tracks are separated, and so what a comparison means.
_SEPARATION = ("segment_seconds", "overlap", "shifts", "max_shift_seconds", "normalize")
# What older runs did not write down, and had.
_SEPARATION_SINCE = {"transition_power": 1.0, "last_piece": "full"}

_MIXTURE_TOLERANCE_DB = 1e-3
_KEY = ["seed", "arm", "track", "source", "metric"]


class ArmRun(RunFolder):
    """The run of one arm and one seed, as a comparison reads it."""

    def require_readable(self) -> None:
        """Raises ValueError where a value that reports read is not in the run's files."""
        config, environment = self.config, self.environment
        with reading_file(self.config_file, "the configuration of a run"):
            config["name"], config["discriminator"], config["data"]["name"]
            config["audio"]["sample_rate"], config["audio"]["channels"]
            {*self.loss_names, *config["audio"]["sources"]}
            config["training"]["select"], int(config["adversarial"]["warmup_steps"])
        with reading_file(self.environment_file, "command, commit and machine of a run"):
            environment["command"], environment["commit"]
            _ = [environment[name].items() for name in ("tracks", "versions", "machine")]
            float(environment.get("parameters", 0))
        _ = self.timing, self.real_time_factor()
        if self.records_file.is_file() and not self._records:
            raise ValueError(
                f"{self.records_file}: expected the records of a run that was evaluated, found "
                "none; copy it again, or train the run anew"
            )

    @cached_property
    def stored_cost(self) -> dict[str, float]:
        """What the run cost where that is kept in place of its step times."""
        return {}

    @cached_property
    def verdict(self) -> Verdict:
        """What its diagnoses say of its discriminators."""
        with reading_file(self.records_file, "diagnoses"):
            return verdict(self.records("diagnosis"))

    @property
    def loss_names(self) -> list[str]:
        """The terms of its reconstruction loss, by the names under which they are recorded."""
        return numbered(loss["name"] for loss in self.config["losses"])

    @cached_property
    def evaluated_step(self) -> int | None:
        """The step whose weights were evaluated; None without records."""
        select = self.config["training"]["select"]
        validated = self.records("valid")
        if select == LAST:
            return validated[-1]["step"] if validated else None
        with reading_file(self.records_file, "validations"):
            scores = [(record[select]["All"], record["step"]) for record in validated]
            reached = [(score, -step) for score, step in scores if score is not None]
            return -max(reached)[1] if reached else None  # of equal scores the first

    def before_discriminators(self) -> bool:
        """Whether the evaluated weights owe the discriminators nothing: they are of the warm-up."""
        step = self.evaluated_step
        warmup: int = self.config["adversarial"]["warmup_steps"]
        return step is not None and step <= warmup

    def real_time_factor(self) -> float:
        """Seconds of computing per second of music, the median of the test tracks.

        The first track also pays for warming up. NaN where nothing is recorded. Raises ValueError
        as `read_table`.
        """
        if not self.speed_file().is_file():
            return float("nan")
        numbers = {"seconds": float, "separation_seconds": float}
        speeds = read_table(self.speed_file(), TrackSpeed._fields, numbers)
        return float((speeds["separation_seconds"] / speeds["seconds"]).median())

    def rows(self, split: Split = "test") -> pd.DataFrame:
        """The evaluation rows of the arm, the mixture and the oracles, on the tracks of a split.

        Raises FileNotFoundError where there are none, ValueError where they are another arm's, and
        as `read_rows` does.
        """
        path = self._existing(self.rows_file(split))
        rows = read_rows(path)
        foreign = rows[
            ~rows["arm"].isin((self.arm, *REFERENCE_SYSTEMS)) | (rows["seed"] != self.seed)
        ]
        if len(foreign):
            first = foreign.iloc[0]
            raise ValueError(
                f"{path}: expected rows of arm {self.arm} and seed {self.seed}, got arm "
                f"{first['arm']} and seed {first['seed']}; folders of arms keep their names"
            )
        return rows

    def separation(self) -> dict[str, Any] | None:
        """How the evaluation read and separated the tracks; None where it did not write it down."""
        settings = self.settings()
        if settings is None:
            return None
        with reading_file(self.settings_file(), "the settings of an evaluation"):
            evaluation = _SEPARATION_SINCE | settings["evaluation"]
            how = {key: evaluation[key] for key in (*_SEPARATION, *_SEPARATION_SINCE)}
            return {"audio": settings.get("audio"), "data": settings["data"], **how}


def find_arms(run_folders: Sequence[Path]) -> list[ArmRun]:
    """The arms below the given folders runs/NAME, by seed: plain, gan, then others by name.

    A folder may also be that of a single arm, runs/NAME/seed0-gan. Raises FileNotFoundError where
    a folder holds none, ValueError where two folders hold the same arm of the same seed.
    """
    arms: dict[tuple[int, str], ArmRun] = {}
    for run_folder in run_folders:
        below = [folder for folder in run_folder.glob("seed*-*") if folder.is_dir()]
        alone = is_run_name(run_folder.name) and run_folder.is_dir() and not below
        found = [ArmRun.at(folder) for folder in ([run_folder] if alone else below)]
        if not found:
            raise FileNotFoundError(
                f"{run_folder}: expected the folders seed0-plain, seed0-gan, ... of a run, found "
                "none; name the folder above them, runs/NAME"
            )
        for run in found:
            if (run.seed, run.arm) in arms:
                other = arms[run.seed, run.arm].folder
                raise ValueError(
                    f"{other} and {run.folder}: both are arm {run.arm} of seed {run.seed}; several "
                    "run folders count as several seeds and need different ones"
                )
            arms[run.seed, run.arm] = run
    return sorted(
        arms.values(), key=lambda run: (run.seed, run.arm != BASELINE, run.arm != "gan", run.arm)
    )


def all_rows(runs: Sequence[ArmRun], split: Split = "test") -> pd.DataFrame:
    """The rows of all arms; those of mixture and oracles, which all arms of a seed hold, once.

    Raises as `read_rows` does, and ValueError where two arms, of one seed or of two, disagree about
    the mixture or were separated with different settings.
    """
    _check_treated_alike(runs)
    rows = pd.concat([run.rows(split) for run in runs], ignore_index=True)
    mixture = rows[rows["arm"] == MIXTURE]
    cell = [column for column in _KEY if column != "seed"]
    pairs = mixture.merge(mixture.drop_duplicates(cell), on=cell, suffixes=("", "_first"))
    # Two machines may round the same mixture's score differently.
    agree = np.isclose(
        pairs["value"], pairs["value_first"], rtol=0, atol=_MIXTURE_TOLERANCE_DB, equal_nan=True
    )
    if not agree.all():
        differing = pairs[~agree].iloc[0]
        named = ", ".join(f"{name} {differing[name]}" for name in cell)
        raise ValueError(
            f"{named}: the arms' rows give {differing['value_first']} "
            f"(seed {differing['seed_first']}) and {differing['value']} "
            f"(seed {differing['seed']}) for the same mixture; the arms were evaluated on other "
            "data or with other settings: evaluate both alike"
        )
    shared = rows["arm"].isin(REFERENCE_SYSTEMS)
    return rows[~(shared & rows.duplicated(_KEY))].reset_index(drop=True)


def _check_treated_alike(runs: Sequence[ArmRun]) -> None:
    known = [(run, how) for run in runs if (how := run.separation()) is not None]
    for run, how in known[1:]:
        first, expected = known[0]
        differing = [key for key in how if how[key] != expected[key]]
        if differing:
            key = differing[0]
            raise ValueError(
                f"{run.folder}: evaluated with {key} {how[key]}, but {first.folder} with "
                f"{expected[key]}; evaluate both alike"
            )


def read_rows(path: Path) -> pd.DataFrame:
    """Evaluation rows to the last bit. Raises ValueError as `read_table`, and on repeated rows."""
    rows = read_table(path, COLUMNS, {"seed": int, "value": float})
    repeated = rows[rows.duplicated(_KEY)]
    if len(repeated):
        raise ValueError(f"{path}: more than one row for {list(repeated.iloc[0][_KEY])}")
    return rows


def read_table(path: Path, columns: Sequence[str], numbers: Mapping[str, type]) -> pd.DataFrame:
    """A table of an evaluation to the last bit; all but the columns of numbers is text.

    Raises ValueError on other columns, and where a number is none.
    """
    # As text first: a track may be called NA or 007.
    with reading_file(path, "rows of an evaluation"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if list(table) != list(columns):
        raise ValueError(f"{path}: expected the columns {', '.join(columns)}, got {list(table)}")
    text = [name for name in columns if name not in numbers]
    table[text] = table[text].map(from_cell)
    try:
        return table.astype(dict(numbers))
    except (ValueError, OverflowError) as error:
        names = " and ".join(numbers)
        raise ValueError(f"{path}: expected numbers as {names}: {error}") from error
