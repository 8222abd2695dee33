"""Names that try to be code, markup or a formula: every table keeps its shape."""

import re
from html.parser import HTMLParser
from pathlib import Path

import markdown  # type: ignore[import-untyped]
import pandas as pd
import pytest
from hostile import (
    PARTS,
    SOURCES,
    TRACKS,
    write_hostile_listening,
    write_hostile_ratings,
    write_hostile_report,
)

from gan_sep.evaluation.rows import Row, write_table
from gan_sep.listening.correlation import COLUMNS
from gan_sep.names import from_cell
from gan_sep.reporting.listening import correlations_markdown
from gan_sep.reporting.runs import read_rows

FENCED = re.compile(r"^ {0,3}(`{3,})[^`\n]*\n.*?^ {0,3}\1`*$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    page = write_hostile_report(folder)
    write_hostile_listening(write_hostile_ratings(folder / "ratings"), page)
    return page


class Shape(HTMLParser):
    """The tags of a document, and the texts of its tables' cells, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.rows: list[list[str]] = []
        self.feed(markdown.markdown(text, extensions=["tables"]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(name for name, _ in attrs)}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_markdown_holds_no_tag_and_its_tables_keep_their_columns(report: Path) -> None:
    pages = list(report.glob("*.md"))
    assert len(pages) == 5
    for path in pages:
        text = path.read_text("utf-8")
        # Python-Markdown knows no fences: what they hold is taken out as GitHub's rules would.
        prose = FENCED.sub("", text)
        shape = Shape(prose)
        assert not shape.found & {"script", "svg", "onerror", "onload", "onmouseover"}, path
        assert "](javascript:" not in prose.replace("\\]", "")
        for block in re.findall(r"(?:^\|.*\n?)+", prose, re.MULTILINE):
            cells = [re.sub(r"\\.", "", line).count("|") for line in block.splitlines()]
            assert len(set(cells)) == 1, (path, block)
        assert path.stem == "correlations" or any(SOURCES[0] in row for row in shape.rows), path


def test_the_name_of_an_experiment_with_listeners_stays_text() -> None:
    line = dict.fromkeys((*COLUMNS, "within_median"), 0.5) | {"metric": "usdr", "points": 2}
    table = pd.DataFrame([{"experiment": "".join(PARTS), "sounds": "all", **line}])
    text = correlations_markdown(table)
    assert Shape(text).found == {
        "p",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "style",
    }
    assert "](javascript:" not in text.replace("\\]", "")


def test_csv_holds_no_formula_and_reads_back_equal(report: Path, tmp_path: Path) -> None:
    for path in report.glob("*.csv"):
        cells = pd.read_csv(path, dtype=str, keep_default_na=False)
        numbers = cells.apply(pd.to_numeric, errors="coerce").notna()
        begins = cells.map(lambda cell: cell[:1] in tuple("=+-@\t\r") and cell != "-")
        assert not (begins & ~numbers).any(axis=None), path
    said = read_rows(report / "rows.csv")
    assert set(said["track"]) == {*TRACKS}
    assert set(said["source"]) == {*SOURCES}
    values = pd.read_csv(report / "values.csv", converters={"song": from_cell})
    assert set(values["song"]) == {f"{track}, {source}" for track in TRACKS for source in SOURCES}
    rows = [Row(0, "gan", name, source, "sdr", 1 / 3) for name in TRACKS for source in SOURCES]
    write_table(tmp_path / "rows.csv", Row._fields, rows)
    pd.testing.assert_frame_equal(read_rows(tmp_path / "rows.csv"), pd.DataFrame(rows))
    raw = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False)
    assert raw["source"].map(from_cell).equals(pd.DataFrame(rows)["source"])
