"""Studies that are kept without their runs: the rows of all of them once, compressed.

    rows.csv.xz        block, track, source, and every metric's value of nine digits; a block is a
                       run's rows; empty where a metric was not evaluated
    STUDY/arms.csv     seed, arm, block: the study's runs, the mixture's and oracles' rows too
    STUDY/runs.json.xz question, controls; of each run configuration, environment, cost, verdict,
                       records
    STUDY/README.md    a screen; words.md (the author's), details.md, table.csv, forest.png

rows.csv.xz lies in the study's folder, or in one above, where it holds the rows of all studies
below and each block once. From these files `compare.py reports/STUDY --out OUT` makes every table,
every figure and the page again, without sounds.
"""

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gan_sep.adversarial.verdict import SourceVerdict, Verdict
from gan_sep.locks import alone_in
from gan_sep.reporting.frame import cost_of, longest_warmup
from gan_sep.reporting.runs import ArmRun
from gan_sep.runs import finite, reading_file, replace_file, write_bytes, write_text
from gan_sep.statistics.pairing import COLUMNS, REFERENCE_SYSTEMS

ROWS = "rows.csv.xz"
ARMS = "arms.csv"
RUNS = "runs.json.xz"
_BLOCK = list(COLUMNS[2:])  # rows without seed and arm
_CELL = ["block", *_BLOCK[:-1]]
_DIGITS = "%.9g"  # as many as float32 needs: the tables print seven
_MOST_RECORDS = 100  # of a run's training losses; diagnoses and validations stay


def is_committed(folder: Path) -> bool:
    """Whether a folder holds a study without its runs."""
    return (folder / ARMS).is_file()


class Kept(NamedTuple):
    """What a study is made of again. runs: none where nothing is kept of them."""

    runs: Sequence[ArmRun]
    rows: pd.DataFrame
    controls: Sequence[str]
    question: str | None


def read_study(folder: Path) -> Kept:
    """The study of a folder.

    Raises FileNotFoundError where the rows are not there, ValueError where a block is missing or a
    file is damaged.
    """
    arms = _arms_of(folder)
    place = _rows_above(folder)
    if place is None:
        raise FileNotFoundError(f"{folder}: expected {ROWS} in it or a folder above it, found none")
    blocks = _blocks(place, place.stat().st_mtime_ns)
    missing = sorted(set(arms["block"]) - set(blocks["block"]))
    if missing:
        raise ValueError(f"{folder / ARMS}: no rows of block {missing[0]} in {ROWS}")
    rows = _for_every_seed(arms).merge(blocks, on="block", how="left", sort=False)[list(COLUMNS)]
    path = folder / RUNS
    if not path.is_file():
        return Kept([], rows, (), None)
    with reading_file(path, "the runs of a committed study"):
        kept = json.loads(lzma.decompress(path.read_bytes()))
        runs = [_restored(folder, run) for run in kept["runs"]]
        return Kept(runs, rows, kept["controls"], kept["question"])


def store(study: Kept, folder: Path) -> None:
    """Write what is kept of a study to its folder, its rows as `store_rows` does."""
    after = longest_warmup(study.runs)
    runs = [_kept(run, after) for run in study.runs]
    kept = {"question": study.question, "controls": list(study.controls), "runs": runs}
    text = json.dumps(finite(kept), allow_nan=False, ensure_ascii=False)
    write_bytes(folder / RUNS, lzma.compress(text.encode(), preset=9))
    store_rows({folder: study.rows}, folder)


def store_rows(studies: Mapping[Path, pd.DataFrame], shared: Path) -> None:
    """Write the rows of studies, by their folders at or below `shared`, each block once.

    They join the rows of the nearest folder above `shared` that has some, else lie in `shared`.
    Blocks of other studies stay there; those that no study names any more go. Raises as
    `read_study`.
    """
    place = _rows_above(shared.resolve().parent) or shared.resolve() / ROWS
    with alone_in(place.parent):
        old = _old_blocks(place)
        known = {_digest(block): number for number, block in old.items()}
        kept = {number: old[number] for number in _named_by_others(place, studies)}
        for folder, rows in studies.items():
            arms = []
            for (seed, arm), own in rows.groupby(["seed", "arm"], sort=False):
                block = own[_BLOCK].reset_index(drop=True)
                block["value"] = [float(_DIGITS % value) for value in block["value"]]
                # No number is used again for another block: a kill before the end is an error.
                number = known.setdefault(_digest(block), max(known.values(), default=-1) + 1)
                kept[number] = block
                arms.append((seed, arm, number))
            table = pd.DataFrame(arms, columns=["seed", "arm", "block"])
            write_text(folder / ARMS, table.to_csv(index=False, lineterminator="\n"))
        everything = pd.concat(dict(sorted(kept.items())), names=["block"]).reset_index("block")
        values = everything.set_index(_CELL)["value"].map(lambda value: _DIGITS % value)
        table = values.unstack("metric", sort=False)
        replace_file(place, lambda part: table.to_csv(part, lineterminator="\n", compression="xz"))
    for folder in studies:
        if folder.resolve() / ROWS != place:
            (folder / ROWS).unlink(missing_ok=True)


def _old_blocks(place: Path) -> dict[int, pd.DataFrame]:
    """The blocks in a file of rows, by their numbers."""
    if not place.is_file():
        return {}
    blocks = _blocks(place, place.stat().st_mtime_ns)
    numbers = blocks["block"].unique().tolist()
    return {number: blocks.loc[blocks["block"] == number, _BLOCK] for number in numbers}


def _named_by_others(place: Path, studies: Mapping[Path, Any]) -> list[int]:
    """The numbers of blocks in a file of rows that other studies than these name."""
    own = {folder.resolve() for folder in studies}
    folders = {path.parent.resolve() for path in place.parent.rglob(ARMS)} - own
    others = [_arms_of(folder)["block"] for folder in folders if _rows_above(folder) == place]
    return sorted(set(pd.concat(others))) if others else []


def _digest(block: pd.DataFrame) -> int:
    return int(pd.util.hash_pandas_object(block, index=False).sum())


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


def _arms_of(folder: Path) -> pd.DataFrame:
    with reading_file(folder / ARMS, "seed, arm and block of each run"):
        arms = pd.read_csv(folder / ARMS, dtype={"arm": str}, keep_default_na=False)
        return arms[["seed", "arm", "block"]].astype({"seed": int, "block": int})


def _rows_above(folder: Path) -> Path | None:
    """The rows in a folder or the nearest one above it."""
    folder = folder.resolve()
    places = (each / ROWS for each in (folder, *folder.parents))
    return next((place for place in places if place.is_file()), None)


@lru_cache(maxsize=2)
def _blocks(path: Path, changed: int) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=str, keep_default_na=False).astype({"block": int})
    rows = table.melt(_CELL[:-1], var_name="metric", ignore_index=False)
    rows = rows[rows["value"] != ""].sort_index(kind="stable", ignore_index=True)
    return rows.assign(value=rows["value"].map(float))  # by Python, to the last bit
