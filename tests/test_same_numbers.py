"""What a seed gives stays what it gives: numbers recorded once, compared whenever code moves.

    python tests/test_same_numbers.py NAME    # records anew, where arithmetic changes on purpose

Each NAME.json is of one torch version and one kind of CPU; elsewhere the last bits differ, so only
the beginning is compared, and loosely.
"""

import json
import math
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call

from gan_sep.training.environment import processor

FOLDER = Path(__file__).parent / "same_numbers"
RECORDED = [json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))]
KEPT_STEPS = (*range(1, 11), *range(20, 61, 10))
# The demo in half a minute: less of everything that costs time.
SHORT_DEMO = (
    "data.tracks={train: 12, valid: 2, test: 3}",
    "data.seconds=8",
    "unpaired.set_aside=4",
    "adversarial={warmup_steps: 8, head_start_steps: 4}",
    "training={steps: 24, batch_size: 4, validate_every: 12, checkpoint_every: 12, threads: 1}",
    "diagnosis={every: 12, segments: 12}",
)
LOG_NAMES: dict[str, str] = {}  # names of values that were recorded under another name


def machine() -> dict[str, str]:
    """What decides the last bits."""
    return {
        "torch": torch.__version__.partition("+")[0],
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "processor": processor(),
    }


def recording() -> tuple[dict[str, Any], bool]:
    """What was recorded on a machine like this, or else on another; whether it is like this."""
    own = next((each for each in RECORDED if each["machine"] == machine()), None)
    return own or RECORDED[0], own is not None


def pair_records(runs: Path, *overrides: str) -> dict[str, dict[str, dict[str, float]]]:
    """Train the pair; arm -> step -> name of the value -> value."""
    ended = call("train_gan", "--config", FOLDER / "pair.yaml", f"runs={runs}", *overrides)
    assert ended.status == 0, ended.err
    return {arm: arm_records(runs / "same_numbers" / f"seed0-{arm}") for arm in ("plain", "gan")}


def arm_records(run: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in (run / "records.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        step, kind = record.pop("step"), record.pop("kind")
        if step in KEPT_STEPS:
            values = {f"{kind}/{name}": value for name, value in leaves(record)}
            found.setdefault(str(step), {}).update(values)
    return found


def leaves(tree: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of nested mappings and lists, by their names joined with a slash."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{name}/{key}" if name else key)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, f"{name}/{index}")
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield name, float(tree)


def demo_table(runs: Path, *overrides: str) -> list[str]:
    """The table that the demo prints, without the spaces that line it up."""
    ended = call("train_gan", f"runs={runs}", *overrides)
    assert ended.status == 0, ended.err
    assert ended.out.startswith("Demo: synthetic songs made on the spot, no music is read.")
    assert "data.root=FOLDER" in ended.out
    assert ended.out.endswith(f"Report: {runs}/demo/report/README.md\n")
    lines = ended.out.partition("uSDR (whole tracks)")[2].partition("\n\n")[0].splitlines()[1:]
    return [" ".join(line.split()) for line in lines if not line.startswith("---")]


@pytest.mark.slow
def test_a_pair_with_every_part_gives_the_recorded_numbers(tmp_path: Path) -> None:
    recorded, same_machine = recording()
    found = pair_records(tmp_path)
    for arm, steps in recorded["pair"].items():
        for step, values in steps.items():
            if int(step) > 10 and not same_machine:
                continue
            # Training multiplies what a sum in another order leaves in the last bit.
            tolerance = (1e-6 if int(step) <= 10 else 1e-4) if same_machine else 1e-2
            for name, value in values.items():
                there = found[arm][step][LOG_NAMES.get(name, name)]
                assert math.isclose(there, value, rel_tol=tolerance, abs_tol=1e-9), (
                    f"{arm}, step {step}, {name}: recorded {value}, now {there}"
                )


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        pytest.param("short demo", SHORT_DEMO, marks=pytest.mark.slow),
        pytest.param("demo", ("training.threads=2",), marks=pytest.mark.long),
    ],
)
def test_the_demo_prints_the_recorded_table(
    name: str, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    recorded, same_machine = recording()
    found = demo_table(tmp_path, *overrides)
    if not same_machine:
        pytest.skip(f"ran, but recorded with {recorded['machine']}, and this is {machine()}")
    assert found == recorded[name]


def record(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = pair_records(Path(folder))
        short = demo_table(Path(folder) / "short", *SHORT_DEMO)
        demo = demo_table(Path(folder), "training.threads=2")
    text = json.dumps({"machine": machine(), "short demo": short, "demo": demo, "pair": pair})
    path = FOLDER / f"{name}.json"
    path.write_text(re.sub(r'("\d+": {)', r"\n\1", text) + "\n", "utf-8")


if __name__ == "__main__":
    record(sys.argv[1])
