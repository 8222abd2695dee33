"""What keeps the house readable: the field's words, short functions, small rooms, a light clone."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import CHECKOUT

PACKAGE = CHECKOUT / "gan_sep"
# Words of a private dialect; docs/glossary.md has the field's words in their place.
BANNED = re.compile(
    r"(?<![a-z])(judg(e|es|ed|ement|ements)|panels?|twins?|hears?|heard|by heart)(?![a-z])", re.I
)

LONGEST_FUNCTION = 45
MOST_FILES = 25


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z", *patterns]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        pytest.skip("not a git checkout")
    return [CHECKOUT / name for name in ended.stdout.split("\0") if name]


def test_the_words_are_those_of_the_field() -> None:
    found = []
    for path in tracked("gan_sep", "configs", "docs", "README.md"):
        if path.suffix not in {".py", ".md", ".yaml", ".html", ".js", ".css"}:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            found += [
                f"{path.relative_to(CHECKOUT)}:{number}: {match[0]}"
                for match in BANNED.finditer(line)
            ]
    assert not found, f"{len(found)}: " + "; ".join(found[:20])


def functions() -> Iterator[tuple[str, int]]:
    """Every function of the package and its lines."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                yield f"{path.relative_to(CHECKOUT)}:{node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_a_screen() -> None:
    long = {name: lines for name, lines in functions() if lines > LONGEST_FUNCTION}
    assert not long


def test_no_room_has_more_files_than_a_reader_can_tell_apart() -> None:
    rooms = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]
    crowded = {room.name: len(list(room.glob("*.py"))) for room in rooms}
    assert {name: count for name, count in crowded.items() if count > MOST_FILES} == {}


def test_a_clone_is_light() -> None:
    sizes = {path: path.stat().st_size for path in tracked() if path.is_file()}
    reports = sum(size for path, size in sizes.items() if "reports" in path.parts)
    assert reports < 8 * 2**20
    assert sum(sizes.values()) < 15 * 2**20
