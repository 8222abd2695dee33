"""What a GPU is asked by gpu.sh: sections with a time limit each, one JSON file, one table.

    tests     those marked gpu, with what they need installed
    bss_eval  the native BSSEval on the CPU and on the device: the same numbers, how much sooner
    steps     the plain and the GAN step in fp32 and bf16: seconds and memory
    pair      train_gan.py on synthetic songs, as many steps as two minutes hold

Every section runs in a process of its own, and what it found is written as soon as it ends.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas
import torch

from benchmarks.bss_eval_speed import Clip
from benchmarks.sections import machine
from benchmarks.settings import GAN, QUICK, Setting
from benchmarks.steps import arm_step, compare
from benchmarks.table import Row, Table
from benchmarks.timing import interleave
from gan_sep.audio import AudioFormat
from gan_sep.evaluation.metrics import bss_eval
from gan_sep.programs import device, program
from gan_sep.runs import write_text
from gan_sep.training.environment import commit

CHECKOUT = Path(__file__).parents[2]
LIMITS = {"tests": 150, "bss_eval": 60, "steps": 160, "pair": 150}  # seconds
PAIR_SECONDS = 100.0  # of training both arms; the rest of two minutes is evaluation and report
LEAST_STEPS, MOST_STEPS = 150, 5000
QUICK_PAIR = [
    "data.tracks={train: 12, valid: 1, test: 2}",
    "data.seconds=4",
    "audio.sample_rate=8000",
    "generator={channels: 4, lstm_layers: 1}",
    "adversarial={warmup_steps: 2, head_start_steps: 2}",
    "training={batch_size: 4, segment_seconds: 0.5}",
    "diagnosis={every: 6, segments: 4}",
    "evaluation.segment_seconds=2",
]
PRECISIONS = {"fp32": "no", "bf16": "bf16"}

Found = list[Row]


def _row(case: str, measure: str, value: float | str) -> Row:
    return {"case": case, "measure": measure, "value": value}


def tests(where: torch.device, quick: bool, folder: Path) -> Found:
    """The tests marked gpu. Raises RuntimeError with pytest's words where one fails."""
    marked = [f for f in sorted((CHECKOUT / "tests").rglob("test_*.py")) if "mark.gpu" in _text(f)]
    outcome = folder / "tests.xml"
    chosen = ["-m", "gpu", "-p", "no:cacheprovider", f"--junitxml={outcome}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *chosen, *map(str, marked)],
        env=os.environ | {"GAN_SEP_TEST_DEVICE": str(where)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(ended.stdout[-4000:] + ended.stderr[-2000:])
    counts = next(ElementTree.parse(outcome).getroot().iter("testsuite")).attrib
    outcome.unlink()
    return [_row("marked gpu", name, float(counts[name])) for name in ("tests", "skipped")]


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def bss_evals(where: torch.device, quick: bool, folder: Path) -> Found:
    """BSSEval v4 of noise with leaky estimates, in float32 as evaluation has it."""
    seconds = (1,) if quick else (30, 120)
    audio = AudioFormat(4000, 1, ("voice", "music")) if quick else AudioFormat()
    clips = [Clip(audio, length, lossy=lossy) for length in seconds for lossy in (False, True)]
    rows: Found = []
    for clip in clips if quick else clips[:3]:
        found: dict[str, torch.Tensor] = {}
        signals = clip.signals()

        def score(place: torch.device, found: Any = found, signals: Any = signals) -> None:
            references, estimates = (signal.to(place) for signal in signals)
            scores = bss_eval(references, estimates, audio.sample_rate)
            found[str(place)] = torch.stack([value.cpu() for value in scores.values()])

        cpu = torch.device("cpu")
        works = {"CPU": partial(score, cpu), "device": partial(score, where)}
        timings = interleave(works, 1, where)
        largest = (found[str(where)] - found["cpu"]).abs().max()
        rows += [_row(str(clip), f"{name}, s", timings.median(name)) for name in works]
        rows.append(_row(str(clip), "largest difference, dB", float(largest)))
    return rows


def steps(where: torch.device, quick: bool, folder: Path) -> Found:
    """Both arms' steps in turns, and the memory of each in a process of its own."""
    rows: Found = []
    context = multiprocessing.get_context("spawn")
    for setting in (QUICK,) if quick else (GAN[0], GAN[2]):
        for name, precision in list(PRECISIONS.items())[-1 if quick else 0 :]:
            # A process knows one precision only, that of its first Accelerator.
            with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
                work = pool.submit(_both_arms, setting, where, precision, 2 if quick else 20)
                rows += [_row(f"{setting}, {name}", key, v) for key, v in work.result().items()]
    return rows


def _both_arms(setting: Setting, where: torch.device, precision: str, rounds: int) -> Row:
    builders = {
        arm: partial(arm_step, gan=arm == "gan", precision=precision) for arm in ("gan", "plain")
    }
    return compare(builders, setting, rounds, where)


def pair(where: torch.device, quick: bool, folder: Path) -> Found:
    """train_gan.py on the demo's songs. Raises RuntimeError with its words where it fails."""
    count = 6 if quick else _steps_of_two_minutes(where)
    overrides = ["name=pair", f"runs={folder / 'runs'}", f"training.steps={count}"]
    overrides += QUICK_PAIR if quick else []
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, CHECKOUT / "experiments" / "train_gan.py", *overrides],
        env=os.environ | {"ACCELERATE_USE_CPU": str(where.type == "cpu").lower()},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(ended.stdout[-3000:] + ended.stderr[-3000:])
    case = f"demo, {count} steps"
    rows = [_row(case, "both arms, s", time.perf_counter() - started)]
    tracks = pandas.concat(map(pandas.read_csv, (folder / "runs").rglob("test/rows.csv")))
    means = tracks[tracks["metric"] == "usdr"].groupby("arm")["value"].mean()
    return rows + [_row(case, f"uSDR of {arm}, dB", float(means[arm])) for arm in means.index]


def _steps_of_two_minutes(where: torch.device) -> int:
    """How many steps both arms of the demo take in PAIR_SECONDS, from a few of each."""
    works = {arm: arm_step(GAN[0], where, gan=arm == "gan") for arm in ("plain", "gan")}
    timings = interleave(works, 5, where)
    both = sum(timings.median(arm) for arm in works)
    return max(LEAST_STEPS, min(MOST_STEPS, int(PAIR_SECONDS / both)))


SECTIONS: dict[str, Callable[[torch.device, bool, Path], Found]] = {
    "tests": tests,
    "bss_eval": bss_evals,
    "steps": steps,
    "pair": pair,
}


def limited(command: list[str], seconds: float) -> str:
    """Run a command and all that it starts for at most so long -> what went wrong, "" if nothing"""
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"not finished in {seconds:.0f} s"
    return said.strip()[-4000:] if process.returncode else ""


def run(names: list[str], where: torch.device, quick: bool, folder: Path) -> dict[str, Any]:
    """All sections, one process each -> what gpu.json holds; it is written after every section."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--device", str(where), "--out", str(folder), *["--quick"] * quick]
    found: dict[str, Any] = {"machine": machine(where), "commit": commit(), "sections": {}}
    for name in names:
        part = folder / f"{name}.json"
        part.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.gpu", "--section", name]
        started = time.perf_counter()
        error = limited([*command, *options], LIMITS[name] * (4 if quick else 1))
        rows = json.loads(_text(part)) if part.exists() else []
        part.unlink(missing_ok=True)
        taken = time.perf_counter() - started
        found["sections"][name] = {"seconds": taken, "error": error, "rows": rows}
        print(f"{name}: {error or f'{taken:.0f} s'}", flush=True)
        write_text(folder / "gpu.json", json.dumps(found, indent=2) + "\n")
    write_text(folder / "gpu.md", table(found).markdown())
    return found


def table(found: dict[str, Any]) -> Table:
    """Everything that was found, a row per number; what went wrong stands in a row as well."""
    rows: list[Row] = []
    for name, section in found["sections"].items():
        rows += [{"section": name} | row for row in section["rows"]]
        if section["error"]:
            last = section["error"].splitlines()[-1].replace("|", "\\|")
            rows.append({"section": name} | _row("", "error", last))
    remark = (
        f"{found['machine']}, commit {found['commit']}. Medians of rounds in turns; memory is that "
        "of tensors on a GPU, of the process on a CPU, above an idle process."
    )
    return Table("One GPU", rows, remark)


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--device", type=device, default="cuda", help="cuda or cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all?")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "reports" / "gpu", help="folder")
    parser.add_argument("--only", choices=SECTIONS, nargs="*", default=list(SECTIONS))
    parser.add_argument("--section", choices=SECTIONS, help="one section, in this process")
    arguments = parser.parse_args()
    where, quick, folder = arguments.device, arguments.quick, arguments.out
    if arguments.section:
        rows = SECTIONS[arguments.section](where, quick, folder)
        write_text(folder / f"{arguments.section}.json", json.dumps(rows))
        return
    found = run(arguments.only, where, quick, folder)
    print(table(found).markdown())
    sys.exit(any(section["error"] for section in found["sections"].values()))


if __name__ == "__main__":
    main()
