"""Files of a report appear whole or not at all, and equal content gives equal bytes."""

import os
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

DOTS_PER_INCH = 144


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 with the line ends that are in the text."""
    _replace(path, lambda part: part.write_text(text, encoding="utf-8", newline=""))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a binary file."""
    _replace(path, lambda part: part.write_bytes(content))


def write_png(path: Path, figure: Figure) -> None:
    """Draws a figure; without the drawing program's name, so that its version leaves no mark."""
    _replace(
        path,
        lambda part: figure.savefig(
            part, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None}
        ),
    )


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
