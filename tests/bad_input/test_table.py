"""One table of bad input over all programs: what is wrong, the call, and the words of its message.

Each case ends with exit status 2 and one error that holds the words, and leaves the folder as it
was.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from commands import call
from conftest import leaves, without_painting, write_experiment

from gan_sep.config.loader import load, to_dict
from gan_sep.config.run import RunConfig

GAN = Path("runs/tiny/seed0-gan")
PLAIN = Path("runs/tiny/seed0-plain")

pytestmark = pytest.mark.usefixtures("unpainted")


class Case(NamedTuple):
    """A call, and words that its message must hold."""

    program: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    damaged: Path | None = None  # a file that gets `content` before the call
    content: bytes | None = None  # None: it is deleted


def numbers() -> list[tuple[str, Any]]:
    """Every numeric key of the tiny experiment, and its value."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_experiment(Path(folder) / "tiny.yaml", Path("stems"), Path("runs"))
        tree = to_dict(load(RunConfig, path))
    return [(key, v) for key, v in leaves(tree) if type(v) in (int, float)]


def train(*arguments: str) -> tuple[str, tuple[str, ...]]:
    return "train_gan", ("--config", "tiny.yaml", *arguments)


NEW = ("name=o",)  # not the finished run, which refuses what differs from it


def number_cases() -> Iterator[Case]:
    for key, value in numbers():
        beyond = "18446744073709551616" if isinstance(value, int) else "1e31"
        for bad in (".inf", ".nan", "-.inf", beyond, "[]", "text"):
            words = (f"error: {key}: expected ", "got ")
            if bad == beyond:
                words = (f"error: {key}: expected at most ", "in magnitude")
            yield Case(*train(*NEW, f"{key}={bad}"), words)


CONFIGURATION = {
    "generator.chanels=3": "generator.chanels: unknown key; did you mean 'channels'?",
    "generator.name=demux": "generator.name: no generator called 'demux'",
    "generator.name=[x]": "generator.name: no generator called ['x']",
    "generator.name={}": "generator.name: no generator called {}",
    "data.name=!!set {x}": "data.name: no data called {'x'}",
    "generator=5": "generator",
    "data.root=nowhere": "nowhere: no such folder",
    "data.name=x": "data.name: no data called 'x'",
    "audio.channels=3": "audio.channels: expected 1 (mono) or 2 (stereo), got 3",
    "audio.sample_rate=10": "audio.sample_rate: expected at least 1000 Hz, got 10",
    "audio.sources=[low,low]": "audio.sources: expected distinct names",
    "audio.sources=[low,LOW]": "differ by more than capitals",
    "audio.sources=[../x,high]": "audio.sources: expected a plain file name",
    "audio.sources=[/etc,high]": "audio.sources: expected a plain file name",
    "audio.sources=[]": "audio.sources: expected distinct names",
    "seed=-1": "seed: expected at least 0, got -1",
    "seed=1.5": "seed: expected a whole number, got 1.5",
    "seed=true": "seed: expected a whole number, got True",
    "name=../x": "name: expected a plain file name",
    "name=.x": "name: expected a plain file name",
    "training.steps=0": "training.steps: expected at least 1, got 0",
    "training.batch_size=0": "training.batch_size: expected at least 1, got 0",
    "training.accumulation=3": "training.accumulation: expected a divisor of batch_size (4)",
    "training.select=best": "training.select: expected one of",
    "training.ema_decay=1": "training.ema_decay: expected [0, 1) or null, got 1",
    "training.precision=fp8": "training.precision",
    "training.threads=0": "training.threads: expected at least 1 or null, got 0",
    "training.trackers=[mlflow]": "training.trackers",
    "training={steps: 1, steps: 2}": "the key 'steps' is there twice",
    "diagnosis.every=0": "diagnosis.every: expected at least 1, got 0",
    "diagnosis.segments=1": "diagnosis.segments: expected at least 2, got 1",
    "evaluation.overlap=1": "evaluation.overlap: expected 0 to 0.99, got 1",
    "evaluation.overlap=0.9999": "evaluation.overlap: expected 0 to 0.99, got 0.9999",
    "evaluation.metrics=[nothing]": "evaluation.metrics",
    "question=[": "question: value '[' is not readable as YAML",
    "question=*x": "question: value '*x' is not readable as YAML",
    "steps": "steps: expected an override of the form key.path=value",
    "=5": "=5: expected an override of the form key.path=value",
    "losses=[{name: nothing}]": "nothing",
    "losses=[{name: l1_time, weight: -1}]": "losses[0].weight: expected a number of at least 0",
    "losses=[{name: deep_feature, network: {name: tagger, weights: nowhere.pt}}]": (
        "weights: nowhere.pt: no such file"
    ),
    "losses=[{name: deep_feature, network: {name: tagger, weights: tiny.yaml}}]": (
        "weights: tiny.yaml: "
    ),
    "start={run: a, file: b}": "start.run: expected either run or file",
    "start.file=nowhere.pt": "nowhere.pt: no such checkpoint",
    "adversarial.crop_seconds=9": "adversarial.crop_seconds: expected at most",
    "training.segment_seconds=2": "expected at least 16800 samples",
    "data={name: synthetic, seconds: 601}": "data.seconds: expected 1 to 600, got 601",
    "generator={name: hdemucs, branch_depth: 17}": "generator.branch_depth: expected at most 16 in",
    "generator={name: htdemucs, segment_seconds: 1.0e-12}": "generator.segment_seconds: exp",
    "losses=[{name: deep_feature, seconds: 1.0e-12}]": "losses[0].seconds: expected at least 0.001",
    "training.segment_seconds=1.0e-12": "training.segment_seconds: expected at least 0.001, got 1e",
    "generator.kernel=5000": "generator.kernel: expected at most 4096 in magnitude, got 5000",
    "generator.channels=65536": "generator: weights of these sizes take at least",
    "discriminator.channels=65536": "discriminator: weights of these sizes take at least",
    f"question={'[' * 3000}": "more than 40 levels of nesting",
}

PROGRAMS = {
    ("train_gan", "--config", "tyni.yaml"): "tyni.yaml: no such configuration file; did you mean",
    ("train_gan", "--config", "runs"): "runs: no such configuration file",
    ("train_gan", "--config", "tiny.yaml", "--arms", "other"): "invalid choice: 'other'",
    ("train_gan", "--config", "tiny.yaml", "training.steps=4", "--resume"): (
        "training.steps: expected at least the 6 that this run has made, got 4"
    ),
    ("evaluate", "nowhere"): "nowhere: expected the folder of one run with config.yaml",
    ("evaluate", "runs/tiny"): "it holds the runs seed0-gan, seed0-plain",
    ("evaluate", str(GAN), "--split", "train"): "invalid choice: 'train'",
    ("evaluate", str(GAN), "seed=1"): "seed=1: the run was trained with this key as it is",
    ("evaluate", str(GAN), "evaluation.shift=2"): "did you mean 'shifts'?",
    ("evaluate", str(GAN), "data.root=nowhere"): "nowhere: no such folder",
    ("evaluate", str(GAN), "--out", "tiny.yaml"): "tiny.yaml",
    ("separate", str(GAN), "song.wav"): "song.wav: no such audio file",
    ("separate", str(GAN), "tiny.yaml"): "tiny.yaml: not readable as audio",
    ("separate", "runs", "song.wav"): "runs: expected the folder of one run with config.yaml",
    ("separate", str(GAN), "a/x.wav", "b/x.wav"): "written over each other",
    ("separate", str(GAN), "...wav"): "...wav: expected a plain file name",
    ("separate", str(GAN), "x.wav", "--device", "gpu"): "cannot compute on 'gpu'",
    ("compare", "nowhere"): "nowhere: expected the folders seed0-plain, seed0-gan",
    ("compare", "runs"): "runs: expected the folders seed0-plain, seed0-gan",
    ("compare", "runs/tiny", "--metric", "x"): "invalid choice: 'x'",
    ("compare", "runs/tiny", "--controls", "x"): "controls: expected some of gan, got x",
    ("compare", "runs/tiny", "--out", "tiny.yaml"): "tiny.yaml",
    ("compare", "runs/tiny", "runs/tiny"): "of seed 0; several run folders count as several seeds",
    ("listening", "x.json", "--rows", "rows.csv"): "x.json: no such file; expected ratings",
    ("listening", "x.json"): "expected ratings of listeners, JSON, with --rows, or --study",
    ("listening", "--study", "runs"): "runs: expected ratings.csv beside the folder sounds",
    ("study", "--config", "nowhere.yaml"): "nowhere.yaml: no such configuration file",
    ("study", "--config", "runs"): "runs: expected studies NAME.yaml directly in the folder",
    ("study", "--config", "tiny.yaml"): "tiny.yaml",
    ("benchmark", "nothing"): "section: expected some of",
    ("benchmark", "--rounds", "0"): "--rounds: expected at least 1, got 0",
    ("benchmark", "--rounds", "x"): "--rounds: invalid count value: 'x'",
    ("benchmark", "--device", "gpu"): "cannot compute on 'gpu'",
    ("benchmark", "--out", "runs"): "--out: runs: Is a directory",
    ("benchmark", "--out", "tiny.yaml/x.json"): "--out: tiny.yaml/x.json: File exists",
    ("configuration", "seed=1"): "seed=1: expected --config beside it",
    ("configuration", "--config", "nowhere.yaml"): "nowhere.yaml: no such configuration file",
    ("configuration", "--config", "tiny.yaml", "seed=-1"): "seed: expected at least 0, got -1",
    ("export", "nowhere"): "nowhere: no such file",
    ("export", "runs"): "runs: expected the folder of one run with config.yaml",
    ("export", "tiny.yaml"): "tiny.yaml: ",
    ("export", str(GAN), "--name", "../x"): "--name: expected a plain file name",
    ("export", str(GAN), "--name", ""): "--name: expected a plain file name",
    ("export", str(GAN), "--out", "tiny.yaml"): "tiny.yaml: File exists",
    ("order", "nowhere", "tiny.yaml"): "tiny.yaml: expected columns arm and value, damaged",
    ("order", "runs/tiny", "nowhere.csv"): "nowhere.csv: No such file",
    ("tagger", "--config", "nowhere.yaml", "--out", "x"): "nowhere.yaml: no such configuration",
    ("tagger", "--config", "tiny.yaml", "--out", "runs"): "--out: runs: Is a directory",
    ("tagger", "--config", "tiny.yaml", "--out", "x", "--steps", "0"): "--steps: expected at least",
    ("tagger", "--config", "tiny.yaml", "--out", "x", "--channels", "0"): "--channels: expected",
    ("tagger", "--config", "tiny.yaml", "--out", "x", "data.root=none"): "none: no such folder",
}

CONTENTS = (b"\n", b"\xff\xfe\n", b"[[[\n", b"[" * 50_000 + b"\n", b"5\n", b"\x00\n")
FILES = (
    *("config.yaml", "environment.json", "records.jsonl", "timing.jsonl"),
    *("evaluation/test/rows.csv", "evaluation/test/settings.yaml"),
    "evaluation/test/separation.csv",
)


def saved(state: object) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def state_cases() -> Iterator[Case]:
    """Checkpoints that can be read and hold something else."""
    best, newest = GAN / "checkpoints/best.pt", GAN / "checkpoints/step-00000006.pt"
    states: list[object] = [[1], {}, {"generator": [1]}, {"generator": {"x": 5}}, {"generator": {}}]
    for state in states:
        yield Case("evaluate", (str(GAN),), (f"error: {best}: not a check",), best, saved(state))
        yield Case("separate", (str(GAN), "x.wav"), (f"error: {GAN}",), best, saved(state))
    for state in (*states, {"step": 6, "adversary": None}, {"step": 5, "adversary": {}}):
        words = (f"error: {newest}: not a check", "Delete it")
        yield Case(*train("--arms", "gan", "--resume"), words, newest, saved(state))


def file_cases() -> Iterator[Case]:
    """Each file of a run, damaged in each way, as a comparison meets it."""
    for name in FILES:
        for content in CONTENTS:
            yield Case("compare", ("runs/tiny",), (f"error: {GAN / name}: ",), GAN / name, content)
    for content in (b"", b"junk", b"PK\x03\x04 and nothing more"):
        best = GAN / "checkpoints/best.pt"
        yield Case("evaluate", (str(GAN),), (f"error: {best}: not a check",), best, content)
        newest = GAN / "checkpoints/step-00000006.pt"
        words = (f"error: {newest}: not a check", "Delete it")
        yield Case(*train("--arms", "gan", "--resume"), words, newest, content)
    yield from state_cases()
    yield Case(*train("--resume"), ("not there beside the checkpoints",), GAN / "config.yaml")
    for content, said in ((b"", "damaged"), (b"arm,value\ngan,1\n", "expected at least 4 arms")):
        published = Path("published.csv")
        yield Case("order", ("runs/tiny", str(published)), (said,), published, content)
    for content, said in ((b"", "found none; copy it again"), (b"junk", "expected a JSON object")):
        words = (f"error: {GAN / 'records.jsonl'}: ", said)
        yield Case("compare", ("runs/tiny",), words, GAN / "records.jsonl", content)
    for name in ("config.yaml", "evaluation/test/rows.csv"):
        yield Case("compare", ("runs/tiny",), (f"error: {GAN / name}: not there",), GAN / name)
    for content in (*CONTENTS, b'{"format": 1}', b'{"format": 1, "study": "x", "listener": 5}'):
        arguments = ("anna.json", "--rows", "rows.csv")
        yield Case("listening", arguments, ("error: anna.json: ",), Path("anna.json"), content)


CASES = [
    *number_cases(),
    *(Case(*train(*NEW, change), (words,)) for change, words in CONFIGURATION.items()),
    *(Case(name, tuple(rest), (words,)) for (name, *rest), words in PROGRAMS.items()),
    *file_cases(),
]


@pytest.fixture(scope="module")
def done(stems: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a finished experiment, current while the table runs."""
    folder = tmp_path_factory.mktemp("table")
    write_experiment(folder / "tiny.yaml", stems, Path("runs"))
    with without_painting() as patch:
        patch.chdir(folder)
        assert call("train_gan", "--config", "tiny.yaml").status == 0
        shutil.rmtree("runs/tiny/report")
        yield folder


def contents(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 200
    assert len(set(CASES)) == len(CASES)


def describe(case: Case) -> str:
    damage = f" {case.damaged}: {case.content!r:.20}" if case.damaged else ""
    return f"{case.program} {' '.join(case.arguments)[:60]}{damage}"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=describe)
def test_bad_input_ends_in_one_line_and_changes_nothing(done: Path, case: Case) -> None:
    before = case.damaged.read_bytes() if case.damaged and case.damaged.is_file() else None
    if case.damaged is not None:
        if case.content is None:
            case.damaged.unlink()
        else:
            case.damaged.write_bytes(case.content)
    files = contents(done)
    try:
        ended = call(case.program, *case.arguments)
        left = contents(done)
    finally:
        if case.damaged is not None:
            case.damaged.unlink(missing_ok=True)
            if before is not None:
                case.damaged.write_bytes(before)
    assert ended.status == 2, ended.out + ended.err
    for word in case.words:
        assert word in ended.err
    said = ended.err.rpartition("error: ")[2].strip()
    assert "\n" not in said or "problems with the data" in said
    assert "Traceback" not in ended.err
    assert left == files
