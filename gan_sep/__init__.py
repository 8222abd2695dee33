"""gan_sep: does adversarial training make music source separation better?

Words, one meaning each (more in docs/glossary.md):

    mixture        the song, the sum of its sources
    source         one stem, by name (drums, bass, ...), and its signal in training
    references     the true sources in evaluation
    estimates      what a generator makes of a mixture, one signal per source
    track, segment, frame    a whole song; an excerpt in seconds; one column of a spectrogram
    generator      the network that separates: mixture -> estimates
    discriminator  the network, one per source, that tells real sources from estimates
    arm            one kind of run in a comparison: plain (no discriminator), gan, ...
    paired         material whose stems the reconstruction loss sees; unpaired, where it never does

Axis letters in shape comments:

    B batch   S sources   C channels   T samples   F frequency bins   N frames
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import torchaudio  # noqa: F401
except OSError as error:  # its compiled library asks torch for what this torch does not have
    raise ImportError(
        f"torch {version('torch')} and torchaudio {version('torchaudio')} do not work together; "
        "install a pair that does: `pip install -r requirements.lock`, or "
        "`pip install torch==2.11.0 torchaudio==2.11.0`"
    ) from error

if TYPE_CHECKING:
    from gan_sep.separator import Separator


def load_separator(
    path: str | Path,
    device: str = "cpu",
    changes: Mapping[str, Any] | None = None,
    trust_module: bool = False,
) -> "Separator":
    """A trained separator: see `gan_sep.separator.load_separator`."""
    from gan_sep.separator import load_separator as load  # the package is light until then

    return load(path, device, changes, trust_module)
