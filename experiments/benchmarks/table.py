"""What a benchmark reports: a titled table with a remark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Cell = str | float
Row = dict[str, Cell]
"""Column -> cell."""

ABSENT = "-"


@dataclass(frozen=True)
class Table:
    """Rows, whose columns come in the order of their first appearance; the remark says what they
    mean. A row need not have every column."""

    title: str
    rows: Sequence[Mapping[str, Cell]]
    remark: str = ""

    def markdown(self) -> str:
        """A heading, the table and the remark; numbers with three significant digits."""
        lines = [f"## {self.title}", ""]
        if self.rows:
            columns = list(dict.fromkeys(column for row in self.rows for column in row))
            lines += [_line(columns), _line(["---"] * len(columns))]
            for row in self.rows:
                lines.append(_line([_text(row.get(column, ABSENT)) for column in columns]))
            lines.append("")
        return "\n".join([*lines, self.remark, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
