"""How every figure looks: one palette, one font, quiet axes.

Arms are told apart by colour (the first six are Okabe and Ito's, safe for colour-blind readers),
sources by a second palette that shares no colour with the first. What no training made, mixture and
oracles, is grey.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from gan_sep.evaluation.references import ORACLES
from gan_sep.runs import replace_file

DOTS_PER_INCH = 144

INK = "#2b2b2b"
FAINT = "#d9d9d9"

_ARM_COLOURS = {"mixture": "#9a9a9a", "plain": "#0072b2", "gan": "#d55e00"}
_MORE_ARM_COLOURS = (
    *("#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#8c510a", "#7a5ccf", "#a3b51b"),  # more than Okabe and Ito have
    *("#c51b7d", "#1b7837", "#4d4dff", "#b2182b", "#01665e", "#9e6ebd", "#bf9000", "#3b3b6d"),
)
_ORACLE_COLOUR = "#c8c8c8"
_SOURCE_COLOURS = ("#117733", "#882255", "#ddaa33", "#332288", "#44aa99", "#aa4499", "#999933")

_SYSTEMS = {
    "gan": "GAN",
    "conv_tasnet": "Conv-TasNet",
    "dnn": "DNN",
    "drnn2": "DRNN-2",
    "open_unmix": "Open-Unmix",
    "rnn": "RNN",
    "vpnn": "VPNN",
    "wave_unet": "Wave-U-Net",
    **{oracle: oracle.upper() for oracle in ORACLES},
}
_SYSTEM = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(_SYSTEMS)})(?![A-Za-z0-9])")

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#808080",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Figures made inside have the project's look, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def arm_name(arm: str) -> str:
    """The arm as a reader meets it: systems as the field writes them, underscores as spaces.

    Between digits an underscore is the point that names of arms cannot have.
    """
    named = _SYSTEM.sub(lambda found: _SYSTEMS[found[0]], arm)
    return re.sub(r"(?<=\d)_(?=\d)", ".", named).replace("_", " ")


def arm_colours(arms: Iterable[str]) -> dict[str, str]:
    """A colour per arm: oracles all alike, arms without one of their own in the palette's order.

    The palette begins again after fifteen.
    """
    others = cycle(_MORE_ARM_COLOURS)
    own = _ARM_COLOURS | dict.fromkeys(ORACLES, _ORACLE_COLOUR)
    return {arm: own[arm] if arm in own else next(others) for arm in arms}


def source_colours(sources: Sequence[str]) -> dict[str, str]:
    """A colour per source, by its place; the palette begins again after seven."""
    return dict(zip(sources, cycle(_SOURCE_COLOURS), strict=False))


def write_png(path: Path, figure: Figure, colours: Literal["house"] | int | None = None) -> None:
    """Draws a figure; without the drawing program's name, so that its version leaves no mark.

    colours: "house" for those of this file and some shades of them alone, or so many of the
    figure's own; both make a third of the file. null: all.
    """
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    image: Image.Image = Image.open(drawn)
    if colours == "house":
        image = image.convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE)
    elif colours is not None:
        image = image.convert("RGB").quantize(colours, Image.Quantize.FASTOCTREE)
    replace_file(path, lambda part: image.save(part, format="png", optimize=True))


def _palette() -> Image.Image:
    """Greys, and the colours of arms and sources, pure and lighter by a third and by two."""
    colours = (*_ARM_COLOURS.values(), *_MORE_ARM_COLOURS, _ORACLE_COLOUR, *_SOURCE_COLOURS)
    pure = [to_rgb(colour) for colour in (*colours, INK)]
    greys = [(level, level, level) for level in np.linspace(0, 1, 16)]
    lighter = [tuple(1 - share * (1 - np.array(c))) for c in pure for share in (1, 2 / 3, 1 / 3)]
    image = Image.new("P", (1, 1))
    image.putpalette([round(255 * part) for colour in (*greys, *lighter) for part in colour])
    return image
