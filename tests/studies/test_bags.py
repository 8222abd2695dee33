"""Bags of a study: one model per source, kept, evaluated, reported and separated as one."""

import re
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from accelerate import Accelerator
from commands import call

from gan_sep.config.loader import ConfigError
from gan_sep.reporting.runs import read_rows
from gan_sep.separator import load_separator
from gan_sep.studies.run import run_study
from gan_sep.studies.settings import Study, load_study
from gan_sep.training.budget import Budget

ALONE = {source: {other: float(other == source) for other in ("low", "high")}
         for source in ("low", "high")}  # fmt: skip
BAG = {"low": "low", "high": "high"}


def study_of(experiment_file: Path, bags: object) -> Study:
    """One arm for both sources and, from its first step on, one for each alone."""
    tree = {
        "name": "tiny",
        "experiment": str(experiment_file),
        "arms": {
            "plain": {},
            **{source: {"losses": [{"name": "l1_time", "sources": weights}]}
               for source, weights in ALONE.items()},
        },
        "overrides": {"discriminator": None, "optimizer": {"lr": 0.01}, "training": {"steps": 4}},
        "trunk": {"step": 2},
        "report": str(experiment_file.parent / "report"),
        "bags": bags,
    }  # fmt: skip
    path = experiment_file.with_name("study.yaml")
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return load_study(path)


@pytest.mark.slow
def test_a_bag_is_an_arm_whose_estimates_are_those_of_its_arms(experiment_file: Path) -> None:
    study = study_of(experiment_file, {"per_source": BAG})
    said = run_study(study, Accelerator(), Budget(None, None))
    assert "per source" in said
    runs = study[1][0].folder.folder.parent
    bag = runs / "seed0-per_source"

    separators = {arm: load_separator(runs / f"seed0-{arm}") for arm in ("low", "high")}
    mixture, rate = torch.randn(1, 9000), separators["low"].audio.sample_rate
    found = load_separator(bag).separate(mixture, rate)
    for source, separator in separators.items():
        alone = separator.separate(mixture, rate)
        assert torch.equal(found[source], alone[source])
        other = next(name for name in BAG if name != source)
        assert not torch.allclose(found[other], alone[other])

    def rows(folder: Path, arm: str) -> "pd.Series[float]":
        table = read_rows(folder / "evaluation/test/rows.csv")
        own = table[table["arm"] == arm].set_index(["track", "source", "metric"])["value"]
        return own

    both = rows(bag, "per_source")
    for arm in BAG:
        expected = rows(runs / f"seed0-{arm}", arm).xs(arm, level="source")
        pd.testing.assert_series_equal(both.xs(arm, level="source"), expected)

    details = (experiment_file.parent / "report/details.md").read_text()
    assert re.search(r"per source arm.*bag \{'low': 'low', 'high': 'high'\}", details)
    before = (bag / "evaluation/test/rows.csv").read_bytes()
    ended = call("evaluate", str(bag), "--out", str(bag.parent / "again"))
    assert ended.status == 0, ended.err
    assert (bag.parent / "again/rows.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("bags", "message"),
    [
        ({"plain": BAG}, r"bags: expected names .*none of plain, low, high, .*got 'plain'"),
        ({"a bag": BAG}, r"bags: expected names of letters"),
        ({"per_source": BAG | {"low": "lo"}}, r"bags\.per_source\.low: expected one of plain, low"),
        ({"per_source": {"low": "low"}}, r"bags\.per_source: expected an arm for each of low, hig"),
        ({"per_source": BAG | {"x": "low"}}, r"bags\.per_source: expected an arm for each of low"),
    ],
)
def test_a_bag_that_cannot_be_is_one_line(
    bags: object, message: str, experiment_file: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        study_of(experiment_file, bags)
    assert "\n" not in str(raised.value)
