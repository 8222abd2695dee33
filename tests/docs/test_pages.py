"""README and docs/: links lead somewhere, commands parse, keys exist, the reference is current."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from commands import CHECKOUT, EXPERIMENTS, call

from gan_sep.config.document import sections
from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.studies.settings import StudySettings, load_studies

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
REPORTS = sorted((CHECKOUT / "reports").rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
KEYS = {
    f"{path}.{name}".lstrip(".")
    for root in (RunConfig, StudySettings)
    for path, _, section in [("", "", root), *sections(root)]
    for name in ("name", *get_type_hints(section))
}
PROGRAMS = {path.stem for path in EXPERIMENTS.glob("*.py")}


def relative(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *REPORTS], ids=relative)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def commands(page: Path) -> Iterator[list[str]]:
    """The commands in a page's code blocks that call a program of experiments/."""
    for block in re.findall(r"```\w*\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(python|accelerate launch|torchrun) .*experiments/\w+\.py", line):
                words = shlex.split(line, comments=True)
                place = next(i for i, word in enumerate(words) if "experiments/" in word)
                yield words[place:]


COMMANDS = [(page, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[" ".join(words)[12:] for _, words in COMMANDS]
)
def test_every_command_parses(page: Path, words: list[str]) -> None:
    program, *arguments = words
    assert Path(program).stem in PROGRAMS
    usage = call(Path(program).stem, "--help").out
    for word in arguments:
        if word.startswith("--"):
            assert word.partition("=")[0] in usage, f"{page.name}: {word}"
    if "--config" in arguments and "FILE" not in arguments:
        config = CHECKOUT / arguments[arguments.index("--config") + 1]
        overrides = [word for word in arguments if re.match(r"[a-z_.]+=", word)]
        if "study.py" in program:
            load_studies(config, overrides)
        else:
            load(RunConfig, config, overrides)


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_key_that_is_named_exists(page: Path) -> None:
    sections = {key.partition(".")[0] for key in KEYS if "." in key}
    named = re.findall(r"(?<![\w/])([a-z_]+(?:\.[a-z_]+)+)(?==|`|: )", page.read_text("utf-8"))
    for key in named:
        if key.partition(".")[0] in sections and not re.search(r"\.(py|md|svg|csv|yaml)$", key):
            assert key in KEYS, key


def test_the_reference_of_keys_is_what_the_program_prints() -> None:
    page = CHECKOUT / "docs" / "configuration.md"
    assert page.read_text("utf-8") == call("configuration").out, (
        "python experiments/configuration.py > docs/configuration.md"
    )
    assert " |  |\n" not in page.read_text("utf-8"), "an option without its meaning"


def test_the_figure_of_the_method_is_what_the_program_draws(tmp_path: Path) -> None:
    folder = CHECKOUT / "docs"
    copy = tmp_path / "draw_method.py"
    copy.write_text((folder / "draw_method.py").read_text("utf-8"))
    subprocess.run([sys.executable, str(copy)], check=True)
    drawn, kept = (tmp_path / "method.svg"), (folder / "method.svg")
    # Another version of the drawing library writes other coordinates; what is said stays.
    texts = [re.findall(r"<!-- (.+?) -->", path.read_text("utf-8")) for path in (drawn, kept)]
    assert texts[0] == texts[1] != []


def test_readme_is_a_door() -> None:
    assert len((CHECKOUT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_every_diff_of_the_page_on_extending_stands_in_the_file_that_it_names() -> None:
    page = (CHECKOUT / "docs" / "extending.md").read_text("utf-8")
    diffs = re.findall(r"```diff\n\+\+\+ (\S+)\n(.*?)```", page, re.DOTALL)
    named = ["losses", "evaluation", "adversarial", "augment.py"]
    assert [path.split("/")[1] for path, _ in diffs] == named
    for path, diff in diffs:
        text = (CHECKOUT / path).read_text("utf-8")
        for part in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
            added = re.sub(r"^\+", "", part, flags=re.MULTILINE)
            assert added in text, added
