"""Versions: what does not work together is said in one line, and what is locked is whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[1]


def test_a_torchaudio_that_does_not_load_is_named_in_one_line(tmp_path: Path) -> None:
    package = tmp_path / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text("raise OSError('Could not load libtorchaudio.so')")
    ended = subprocess.run(
        [sys.executable, "-c", "import gan_sep"],
        env={"PYTHONPATH": f"{tmp_path}:{CHECKOUT}"},
        capture_output=True,
        text=True,
    )
    last = ended.stderr.splitlines()[-1]
    assert re.match(
        r"ImportError: torch \S+ and torchaudio \S+ do not work together; .*torch==2.11.0", last
    )


def lines(name: str) -> list[Requirement]:
    text = (CHECKOUT / name).read_text("utf-8")
    return [Requirement(line) for line in text.splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("kind", ["requirements", "requirements-test"])
def test_the_lock_holds_one_version_within_each_range(kind: str) -> None:
    locked = {item.name.lower(): item for item in lines(f"{kind}.lock")}
    for item in locked.values():
        assert re.fullmatch(r"==[\w.]+", str(item.specifier)), f"{item}: expected NAME==VERSION"
    for wanted in lines(f"{kind}.txt"):
        exact = str(locked[wanted.name.lower()].specifier).removeprefix("==")
        assert wanted.specifier.contains(exact), f"{wanted}: the lock says {exact}"


def test_the_oldest_versions_are_the_lower_ends_of_the_ranges() -> None:
    oldest = {item.name.lower(): item for item in lines("requirements-oldest.lock")}
    assert list(oldest) == sorted(item.name.lower() for item in lines("requirements.txt"))
    for wanted in lines("requirements.txt"):
        lower = next(part.version for part in wanted.specifier if part.operator == ">=")
        exact = str(oldest[wanted.name.lower()].specifier).removeprefix("==")
        assert exact == lower or exact.startswith(f"{lower}."), f"{wanted}: oldest is {exact}"
        assert wanted.specifier.contains(exact), f"{wanted}: oldest is {exact}"
