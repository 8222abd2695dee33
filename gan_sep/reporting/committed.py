"""Studies that are kept without their runs: the rows of all of them once, compressed.

    rows.csv.xz        block, track, source, metric, value of nine digits; a block is a run's rows
    STUDY/arms.csv     seed, arm, block: the study's runs, the mixture's and oracles' rows too
    STUDY/runs.json.xz question; of each run configuration, environment, cost, verdict, records
    STUDY/README.md    a screen; words.md (the author's), details.md, table.csv, forest.png

rows.csv.xz lies in the study's folder, or in one above where several studies share runs, and then
their blocks. From these files `compare.py reports/STUDY --out OUT` makes every table, every figure
and the page again, without sounds.
"""

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from gan_sep.adversarial.verdict import SourceVerdict, Verdict
from gan_sep.reporting.frame import cost_of, longest_warmup
from gan_sep.reporting.runs import ArmRun
from gan_sep.runs import finite, reading_file, replace_file, write_bytes, write_text
from gan_sep.statistics.pairing import COLUMNS, REFERENCE_SYSTEMS

ROWS = "rows.csv.xz"
ARMS = "arms.csv"
RUNS = "runs.json.xz"
_BLOCK = ["block", *COLUMNS[2:]]  # rows without seed and arm
_DIGITS = "%.9g"  # as many as float32 needs: the tables print seven
_MOST_RECORDS = 100  # of a run's training losses; diagnoses and validations stay


def is_committed(folder: Path) -> bool:
    """Whether a folder holds a study without its runs."""
    return (folder / ARMS).is_file()


def read_study(folder: Path) -> tuple[list[ArmRun], pd.DataFrame, str | None]:
    """Runs, rows and question of a folder's study; no runs where nothing is kept of them.

    Raises FileNotFoundError where the rows are not there, ValueError where a block is missing or a
    file is damaged.
    """
    with reading_file(folder / ARMS, "seed, arm and block of each run"):
        arms = pd.read_csv(folder / ARMS, dtype={"arm": str}, keep_default_na=False)
        arms = arms[["seed", "arm", "block"]].astype({"seed": int, "block": int})
    place = _rows_of(folder)
    blocks = _blocks(place, place.stat().st_mtime_ns)
    missing = sorted(set(arms["block"]) - set(blocks["block"]))
    if missing:
        raise ValueError(f"{folder / ARMS}: no rows of block {missing[0]} in {ROWS}")
    rows = _for_every_seed(arms).merge(blocks, on="block", how="left", sort=False)
    path = folder / RUNS
    if not path.is_file():
        return [], rows[list(COLUMNS)], None
    with reading_file(path, "the runs of a committed study"):
        kept = json.loads(lzma.decompress(path.read_bytes()))
        runs = [_restored(folder, run) for run in kept["runs"]]
    return runs, rows[list(COLUMNS)], kept["question"]


def store(
    studies: Mapping[Path, tuple[Sequence[ArmRun], pd.DataFrame, str | None]], shared: Path
) -> None:
    """Write runs, rows and question of studies, by their folders; rows to `shared`, blocks once."""
    for folder, (runs, _, question) in studies.items():
        after = longest_warmup(runs)
        kept = {"question": question, "runs": [_kept(run, after) for run in runs]}
        text = json.dumps(finite(kept), allow_nan=False, ensure_ascii=False)
        write_bytes(folder / RUNS, lzma.compress(text.encode(), preset=9))
    store_rows({folder: rows for folder, (_, rows, _) in studies.items()}, shared)


def store_rows(studies: Mapping[Path, pd.DataFrame], shared: Path) -> None:
    """Write the rows of studies, by their folders at or below `shared`, each block once."""
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
        if folder != shared:
            (folder / ROWS).unlink(missing_ok=True)
    everything = pd.concat(written, ignore_index=True)
    replace_file(
        shared / ROWS,
        lambda part: everything.to_csv(
            part, index=False, lineterminator="\n", compression="xz", float_format=_DIGITS
        ),
    )


def _kept(run: ArmRun, after_step: int) -> dict[str, Any]:
    """What is kept of a run: records with four digits, of training losses some."""
    losses = run.records("train")
    thinned = losses[:: -(-len(losses) // _MOST_RECORDS) or 1]
    return {
        "seed": run.seed,
        "arm": run.arm,
        "config": run.config,
        "environment": run.environment,
        "evaluated_step": run.evaluated_step,
        "cost": run.stored_cost or cost_of(run, after_step),
        "verdict": asdict(run.verdict) if run.config["discriminator"] else None,
        "records": _rounded([*thinned, *run.records("valid"), *run.records("diagnosis")]),
    }


def _restored(folder: Path, kept: Mapping[str, Any]) -> ArmRun:
    """The run, which finds in memory what others read from their folders."""
    run = ArmRun(folder / f"seed{kept['seed']}-{kept['arm']}", kept["seed"], kept["arm"])
    vars(run).update({name: kept[name] for name in ("config", "environment", "evaluated_step")})
    cost = {name: float("nan" if value is None else value) for name, value in kept["cost"].items()}
    vars(run).update(_records=kept["records"], timing=[], stored_cost=cost)
    if said := kept["verdict"]:
        sources = {source: SourceVerdict(**one) for source, one in said["sources"].items()}
        vars(run)["verdict"] = Verdict(**{**said, "sources": sources})
    return run


def _rounded(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _rounded(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_rounded(value) for value in tree]
    return float(f"{tree:.4g}") if isinstance(tree, float) else tree


def _for_every_seed(arms: pd.DataFrame) -> pd.DataFrame:
    """Mixture and oracles, kept under one seed, under all: they are the same for every seed."""
    shared = arms["arm"].isin(REFERENCE_SYSTEMS)
    seeds = arms.loc[~shared, ["seed"]].drop_duplicates()
    references = arms[shared].drop_duplicates("arm").drop(columns="seed").merge(seeds, how="cross")
    return pd.concat([references, arms[~shared]], ignore_index=True)


def _rows_of(folder: Path) -> Path:
    for place in (folder.resolve(), *folder.resolve().parents):
        if (place / ROWS).is_file():
            return place / ROWS
    raise FileNotFoundError(f"{folder}: expected {ROWS} in it or a folder above it, found none")


@lru_cache(maxsize=2)
def _blocks(path: Path, changed: int) -> pd.DataFrame:
    text = ["track", "source", "metric"]
    rows = pd.read_csv(path, dtype=dict.fromkeys([*text, "value"], str), keep_default_na=False)
    # Text is read by Python to the last bit; empty is no number.
    values = rows["value"].map(lambda value: float(value or "nan"))
    return rows.assign(value=values).astype({"block": int})
