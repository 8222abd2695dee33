"""Write the exact versions that lie in this environment: requirements.lock, requirements-test.lock.

    make update      # installs the newest versions the ranges admit, calls this, runs the tests

A package that is needed on this kind of machine alone (CUDA libraries, say) gets a marker.
"""

import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = (3, 11)  # what it can install, the later ones can too
PLATFORM = re.compile("sys_platform|platform_(system|machine)")
HEAD = "# Written by `make update`; the ranges are in {}.\n"


def main() -> None:
    if sys.version_info[:2] != OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(f"lock: expected Python {wanted}, the oldest supported, got {sys.version}")
    library = closure(requirements("requirements.txt"))
    tests = closure(requirements("requirements-test.txt"))
    write("requirements.lock", "requirements.txt", library)
    added = {name: anywhere for name, anywhere in tests.items() if name not in library}
    write("requirements-test.lock", "requirements-test.txt", added)


def requirements(file: str) -> list[Requirement]:
    """What a file asks for: lines of NAME and range."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def closure(wanted: list[Requirement]) -> dict[str, bool]:
    """All packages needed, by name, and whether each is needed on every kind of machine."""
    found: dict[str, bool] = {}
    seen: set[tuple[str, bool, frozenset[str]]] = set()
    todo = [(requirement, True) for requirement in wanted]
    while todo:
        requirement, anywhere = todo.pop()
        name = canonicalize_name(requirement.name)
        step = (name, anywhere, frozenset(requirement.extras))
        if step in seen:
            continue
        seen.add(step)
        found[name] = found.get(name, False) or anywhere
        for child in map(Requirement, metadata.requires(name) or ()):
            marker = child.marker
            extras = ("", *requirement.extras)
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                portable = marker is None or not PLATFORM.search(str(marker))
                todo.append((child, anywhere and portable))
    return found


def write(file: str, source: str, packages: dict[str, bool]) -> None:
    here = f"sys_platform == '{sys.platform}' and platform_machine == '{platform.machine()}'"
    lines = [
        f"{name}=={metadata.version(name).partition('+')[0]}" + ("" if anywhere else f"; {here}")
        for name, anywhere in sorted(packages.items())
    ]
    (ROOT / file).write_text(HEAD.format(source) + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
