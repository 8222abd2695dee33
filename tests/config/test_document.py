import re
from dataclasses import dataclass, field, fields
from typing import Annotated

from commands import CHECKOUT

from gan_sep.config.document import comments, reference, sections
from gan_sep.config.loader import Component
from gan_sep.config.run import RunConfig
from gan_sep.studies.settings import StudySettings


@dataclass(frozen=True)
class Inner:
    """A section."""

    depth: int | None = None  # how deep, in layers
    # Named above the line,
    # in two lines.
    rates: tuple[float, ...] = (
        1.0,
        2.0,
    )  # and after it

    def method(self) -> None:
        """Comments in here say nothing of fields."""
        # Not a field's.
        depth = 3  # nor this
        assert depth


@dataclass(frozen=True)
class Outer:
    """The root."""

    name: str  # what it is called
    inner: Inner = field(default_factory=Inner)  # what is inside
    optimizer: Annotated[Inner, Component("optimizers")] | None = None


def test_the_meaning_of_an_option_is_the_comment_on_its_line_and_above_it() -> None:
    assert comments(Inner) == {
        "depth": "how deep, in layers",
        "rates": "Named above the line, in two lines. and after it",
    }


def test_the_reference_has_a_table_for_the_root_each_section_and_each_component() -> None:
    text = reference({"The run": Outer})
    tables = text.split("## ")[1:]
    titles = [table.partition("\n")[0] for table in tables]
    assert titles[:2] == ["The run", "inner"]
    assert "optimizer: {name: adam}" in titles
    assert "| `name` | text | required | what it is called |" in tables[0]
    assert "| `inner` | a section (Inner) | its defaults | what is inside |" in tables[0]
    assert "| `depth` | a whole number or null | `null` | how deep, in layers |" in tables[1]
    assert "| `rates` | a list of a number | `[1.0, 2.0]` |" in tables[1]


def all_sections() -> set[type]:
    """The sections and components of runs and studies."""
    roots = {RunConfig, StudySettings}
    return roots | {section for root in roots for _, _, section in sections(root)}


def test_every_option_has_its_meaning_on_its_own_line() -> None:
    lacking = [
        f"{section.__module__}.{section.__name__}.{option.name}"
        for section in all_sections()
        for said in [comments(section)]
        for option in fields(section)
        if option.init and not said.get(option.name)
    ]
    assert lacking == []


def test_every_component_of_the_package_is_a_section_of_a_run() -> None:
    package = CHECKOUT / "gan_sep"
    files = {
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for path in package.rglob("*.py")
        if re.search(r"^class Config\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert files == {
        section.__module__ for section in all_sections() if section.__name__ == "Config"
    }
