"""What a benchmark reports: a titled table with a remark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Cell = str | float


@dataclass(frozen=True)
class Table:
    """Rows with the same columns in the same order; the remark says what they mean."""

    title: str
    rows: Sequence[Mapping[str, Cell]]
    remark: str = ""

    def markdown(self) -> str:
        """A heading, the table and the remark; numbers with three significant digits."""
        lines = [f"## {self.title}", ""]
        if self.rows:
            lines += [_line(list(self.rows[0])), _line(["---"] * len(self.rows[0]))]
            lines += [_line([_text(cell) for cell in row.values()]) for row in self.rows]
            lines.append("")
        return "\n".join([*lines, self.remark, ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
