"""Draw the figure of the method, docs/method.svg: python docs/draw_method.py"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

SOURCES = (("drums", "#d1495b"), ("bass", "#edae49"), ("other", "#66a182"), ("vocals", "#2e6f9e"))
INK, SOFT, GRADIENT = "#222222", "#f2f2f0", "#8a3ffc"
ROW = 0.92  # height of a source's row
FILE = Path(__file__).with_name("method.svg")


def main() -> None:
    # The same bytes whenever it is drawn.
    mpl.rcParams.update({"svg.hashsalt": "method", "svg.fonttype": "none", "font.size": 9.5})
    figure, axes = plt.subplots(figsize=(10.5, 4.8))
    axes.set(xlim=(0, 20), ylim=(0, 8.8))
    axes.axis("off")
    _generator(axes)
    for place, (source, colour) in enumerate(SOURCES):
        _source(axes, 6.3 - 1.55 * place, source, colour)
    _heads(axes)
    figure.savefig(FILE, bbox_inches="tight", metadata={"Date": None})


def _generator(axes: Axes) -> None:
    _box(axes, 0.1, 3.1, 2.9, 1.7, "mixture $X$\npaired or\nunpaired")
    _box(axes, 4.2, 2.45, 2.5, 3.0, "generator\n$f$", "#dfe8f2")
    _arrow(axes, (3.0, 3.95), (4.2, 3.95))


def _source(axes: Axes, y: float, source: str, colour: str) -> None:
    """A row: an estimate between its two critics, the stem it was mixed from and its D."""
    middle = y + ROW / 2
    _box(axes, 8.4, y, 2.3, ROW, f"estimate\n{source}", edge=colour)
    _arrow(axes, (6.7, 3.95), (8.4, middle))
    _box(axes, 13.2, y, 2.1, ROW, f"$D$ {source}", "#efe6fb", edge=colour)
    _arrow(axes, (10.7, middle + 0.17), (13.2, middle + 0.17))
    _arrow(axes, (13.2, middle - 0.17), (10.7, middle - 0.17), GRADIENT)
    _box(axes, 16.6, y, 3.3, ROW, f"real {source},\npaired or unpaired", edge=colour)
    _arrow(axes, (16.6, middle), (15.3, middle))


def _heads(axes: Axes) -> None:
    _box(axes, 7.2, 7.75, 4.7, 0.95, "reconstruction loss:\ndistance to paired stems")
    _arrow(axes, (9.55, 7.75), (9.55, 7.22), GRADIENT)
    _text(axes, 14.25, 8.2, "discriminators, one per source:\nreal 0.9, estimate 0.1")
    _text(
        axes,
        9.55,
        0.45,
        "Both gradients meet at the estimates, where their ratio\n"
        "is held for each source; their sum goes back through $f$.",
        GRADIENT,
    )
    _arrow(axes, (8.4, 1.75), (5.45, 2.45), GRADIENT)


def _text(axes: Axes, x: float, y: float, text: str, colour: str = INK) -> None:
    axes.text(x, y, text, ha="center", va="center", color=colour)


def _box(
    axes: Axes, x: float, y: float, w: float, h: float, text: str, face: str = SOFT, edge: str = INK
) -> None:
    style = "round,pad=0,rounding_size=0.15"
    axes.add_patch(FancyBboxPatch((x, y), w, h, style, facecolor=face, edgecolor=edge, linewidth=2))
    _text(axes, x + w / 2, y + h / 2, text)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK
) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=12, color=colour, shrinkA=2, shrinkB=2
        )
    )


if __name__ == "__main__":
    main()
