"""Studies that are kept without their runs: the rows of all of them once, compressed.

    reports/rows.csv.xz      block, track, source, metric, value; a block is one run's rows
    reports/STUDY/arms.csv   seed, arm, block: the study's runs, the mixture's and oracles' rows too
    reports/STUDY/README.md  a screen; words.md (the author's), details.md, table.csv, forest.png

Studies that share a run share its block. From these files `compare.py reports/STUDY --page OUT`
makes every table and figure again.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pandas as pd

from gan_sep.reporting.study import Study
from gan_sep.runs import reading_file, replace_file, write_text
from gan_sep.statistics.pairing import COLUMNS, REFERENCE_SYSTEMS

ROWS = "rows.csv.xz"
ARMS = "arms.csv"
_BLOCK = ["block", *COLUMNS[2:]]  # rows without seed and arm


def is_committed(folder: Path) -> bool:
    """Whether a folder holds a study without its runs."""
    return (folder / ARMS).is_file()


def committed_study(folder: Path, controls: tuple[str, ...] = ()) -> Study:
    """The study of a folder. Raises FileNotFoundError where the rows of its reports are not there.

    Raises ValueError where a control is no arm of the study, or the rows lack one of its blocks.
    """
    if not is_committed(folder):
        raise FileNotFoundError(f"{folder}: expected {ARMS} of a committed study, found none")
    with reading_file(folder / ARMS, "seed, arm and block of each run"):
        arms = pd.read_csv(folder / ARMS, dtype={"arm": str}, keep_default_na=False)
        arms = arms[["seed", "arm", "block"]].astype({"seed": int, "block": int})
    blocks = _blocks(_rows_above(folder))
    missing = sorted(set(arms["block"]) - set(blocks["block"]))
    if missing:
        raise ValueError(f"{folder / ARMS}: no rows of block {missing[0]} in {ROWS}")
    named = [arm for arm in dict.fromkeys(arms["arm"]) if arm != "plain"]
    for control in controls:
        if control not in named:
            raise ValueError(f"controls: expected some of {', '.join(named)}, got {control}")
    rows = _for_every_seed(arms).merge(blocks, on="block", how="left", sort=False)
    return Study((), rows[list(COLUMNS)], controls)


def store(studies: Mapping[Path, pd.DataFrame], reports: Path) -> None:
    """Write the rows of all studies, by their folders below `reports`, each block once."""
    known: dict[int, int] = {}
    written = []
    for folder, rows in studies.items():
        arms = []
        for (seed, arm), own in rows.groupby(["seed", "arm"], sort=False):
            block = own[list(COLUMNS[2:])].reset_index(drop=True)
            digest = int(pd.util.hash_pandas_object(block, index=False).sum())
            if digest not in known:
                known[digest] = len(known)
                written.append(block.assign(block=known[digest])[_BLOCK])
            arms.append((seed, arm, known[digest]))
        table = pd.DataFrame(arms, columns=["seed", "arm", "block"])
        write_text(folder / ARMS, table.to_csv(index=False, lineterminator="\n"))
    everything = pd.concat(written, ignore_index=True)
    replace_file(
        reports / ROWS,
        lambda part: everything.to_csv(part, index=False, lineterminator="\n", compression="xz"),
    )


def _for_every_seed(arms: pd.DataFrame) -> pd.DataFrame:
    """Mixture and oracles, kept under one seed, under all: they are the same for every seed."""
    shared = arms["arm"].isin(REFERENCE_SYSTEMS)
    seeds = arms.loc[~shared, ["seed"]].drop_duplicates()
    references = arms[shared].drop_duplicates("arm").drop(columns="seed").merge(seeds, how="cross")
    return pd.concat([references, arms[~shared]], ignore_index=True)


def _rows_above(folder: Path) -> Path:
    for parent in folder.resolve().parents:
        if (parent / ROWS).is_file():
            return parent / ROWS
    raise FileNotFoundError(f"{folder}: expected {ROWS} in a folder above it, found none")


@lru_cache(maxsize=1)
def _blocks(path: Path) -> pd.DataFrame:
    text = ["track", "source", "metric"]
    rows = pd.read_csv(
        path,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values={"value": [""]},
        float_precision="round_trip",
    )
    return rows.astype({"block": int, "value": float})
