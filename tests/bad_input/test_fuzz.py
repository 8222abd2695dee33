"""Random configurations and damaged runs: every call ends with status 0, or 2 and one error.

GAN_SEP_FUZZ=7:500 makes 500 calls of seed 7.
"""

import multiprocessing
import os
import random
import re
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from commands import call
from conftest import RATE, leaves, without_painting, write_experiment, write_stems

from gan_sep.config.loader import Component, load, to_dict
from gan_sep.config.run import RunConfig

pytestmark = pytest.mark.usefixtures("unpainted")

SEED, CALLS = map(int, os.environ.get("GAN_SEP_FUZZ", "1:60").split(":"))
SECONDS, BYTES = 300, 5 * 2**30  # more is a hang, or memory that nobody asked for
SECTIONS = {"generator": "generators", "discriminator": "discriminators", "optimizer": "optimizers"}
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 65535, 2**40, 2**53, 2**64),
    *(0.5, 1e-9, -0.5, 1e9, 1.5, 100.0, 3600.0, float("nan"), float("inf")),
    *("", "x", "../x", "/", ".", "\n", "=1", "é\u202e", "x" * 300, "1e400", "last", "tiny.yaml"),
    *([], [1], [0], [[1]], [{}], ["x", "x"], {}, {"x": 1}, {"name": "x"}, {"name": None}),
]
TRAIN = ("train_gan", "--config", "tiny.yaml")
AFTER_DAMAGE = [
    (*TRAIN, "--resume"),
    (*TRAIN, "--resume", "training.steps=8"),
    (*TRAIN, "--arms", "gan", "name=o", "start={run: runs/tiny/seed0-plain}"),
    ("compare", "runs/tiny", "--out", "report"),
    ("compare", "kept", "--out", "report"),
    ("evaluate", "runs/tiny/seed0-gan", "--split", "valid"),
    ("separate", "runs/tiny/seed0-gan", "song.wav"),
    ("separate", "export/tiny-seed0-gan.safetensors", "song.wav"),
    ("configuration", "--config", "runs/tiny/seed0-gan/config.yaml"),
]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a finished pair, its kept report and an export."""
    folder = tmp_path_factory.mktemp("done")
    write_stems(folder / "stems")
    write_experiment(folder / "tiny.yaml", Path("stems"), Path("runs"))
    noise = np.random.default_rng(0).standard_normal(3 * RATE) * 0.1
    soundfile.write(folder / "song.wav", noise, RATE)
    with without_painting() as patch:
        patch.chdir(folder)
        assert call(*TRAIN).status == 0
        assert call("compare", "runs/tiny", "--keep", "kept").status == 0
        assert call("export", "runs/tiny/seed0-gan", "--out", "export").status == 0
    return folder


def configuration(draw: random.Random, known: list[tuple[str, Any]]) -> tuple[str, ...]:
    """A call that trains one arm: a component is exchanged, and a few values are odd."""
    changes: dict[str, Any] = {"name": "o"}
    section = draw.choice([*SECTIONS, None])
    if section is not None:
        component = Component(SECTIONS[section])
        name = draw.choice([name for name in component.names() if name != "module"])
        made: Any = component.config_class(name)
        tiny = to_dict(made.tiny() if hasattr(made, "tiny") else made())
        for key in draw.sample(sorted(tiny), min(len(tiny), draw.randint(0, 2))):
            tiny[key] = odd(draw, tiny[key])
        changes[section] = {"name": name} | tiny
    for key, value in draw.sample(known, draw.randint(1 - bool(section), 3)):
        if not key.startswith(("runs", "data.root", f"{section}.")):
            changes[key] = odd(draw, value)
    return (*TRAIN, "--arms", draw.choice(["plain", "gan"]), *map(argument, changes.items()))


def odd(draw: random.Random, value: Any) -> Any:
    if type(value) in (int, float) and draw.random() < 0.5:
        return draw.choice([value * 2, value + 1, value / 2, -value, value * 1000])
    return draw.choice(VALUES)


def argument(change: tuple[str, Any]) -> str:
    value = yaml.safe_dump(change[1], default_flow_style=True, width=10**6)
    return f"{change[0]}={value.strip().removesuffix('...').strip()}"


def damage(draw: random.Random) -> str:
    """Change one file of the folder; what was done to which."""
    places = (Path("runs"), Path("kept"), Path("export"))
    files = sorted(f for place in places for f in place.rglob("*") if f.is_file())
    file = draw.choice([file for file in files if file.stat().st_size])
    content = bytearray(file.read_bytes())
    at, kind = draw.randrange(len(content)), draw.choice(["cut", "bytes", "gone", "line", "word"])
    if kind == "cut":
        file.write_bytes(content[:at])
    elif kind == "bytes":
        content[at : at + 8] = draw.randbytes(8)
        file.write_bytes(content)
    elif kind == "gone":
        file.unlink()
    elif kind == "line":
        lines = bytes(content).splitlines(keepends=True)
        lines.insert(draw.randrange(len(lines)), draw.choice(lines))
        file.write_bytes(b"".join(lines))
    else:
        found = draw.choice([*re.finditer(rb"[\w.]+", content)])
        content[slice(*found.span())] = draw.choice(
            [b"-1", b"1e999", b"nan", b"", b"[]", b"9" * 40]
        )
        file.write_bytes(content)
    return f"{kind} {file}: "


def ending(arguments: tuple[str, ...]) -> str:
    """What is wrong with how a call ends, empty if nothing; in a process of its own."""

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
        ended = call(*arguments)
        well = ended.status == 0 or (ended.status == 2 and "error: " in ended.err)
        if not well or "Traceback" in ended.err:
            Path("wrong").write_text(f"status {ended.status}: {ended.err[-2000:]}")

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return f"no end after {SECONDS} s"
    if Path("wrong").exists():
        return Path("wrong").read_text()
    return "" if process.exitcode == 0 else f"the process ended with {process.exitcode}"


@pytest.mark.slow
def test_random_calls_end_well_or_in_an_error(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = list(leaves(to_dict(load(RunConfig, done / "tiny.yaml"))))
    wrong = []
    for number in range(CALLS):
        draw = random.Random(f"{SEED} {number}")
        here = shutil.copytree(done, tmp_path / "here", symlinks=True)
        monkeypatch.chdir(here)
        damaged = draw.random() < 0.3
        done_to = damage(draw) if damaged else ""
        arguments = draw.choice(AFTER_DAMAGE) if damaged else configuration(draw, known)
        if said := ending(arguments):
            wrong.append(f"call {number}: {done_to}{' '.join(arguments)}\n{said}")
        shutil.rmtree(here)
    assert not wrong, "\n\n".join(wrong)
