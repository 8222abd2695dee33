"""Figures as files: equal content gives equal bytes."""

from pathlib import Path

from matplotlib.figure import Figure

from gan_sep.runs import replace_file

DOTS_PER_INCH = 144


def write_png(path: Path, figure: Figure) -> None:
    """Draws a figure; without the drawing program's name, so that its version leaves no mark."""
    replace_file(
        path,
        lambda part: figure.savefig(
            part, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None}
        ),
    )
