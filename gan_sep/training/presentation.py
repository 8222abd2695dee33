"""How material is presented to the judges in training, after it was chosen and before it is judged.

A source and its estimate are always treated alike, and so are all real and all estimated signals as
populations: nothing that is done here tells them apart.
"""

from collections.abc import Sequence

from gan_sep.discriminators.levels import level_normalised
from gan_sep.experiment import Adversarial
from gan_sep.training.material import Material, Place


class Presentation:
    """What the settings ask for: signals of one level."""

    def __init__(self, settings: Adversarial, seed: int) -> None:
        self.settings = settings
        self.seed = seed

    def __call__(
        self, real: Sequence[Material], fake: Sequence[Material], place: Place
    ) -> tuple[list[Material], list[Material]]:
        """Material as `gan_sep.training.material.materials` gives it, ready to be judged.

        Gradients flow through to the signals. Which segments count is left as it is.
        """
        pairs = zip(real, fake, strict=True)
        presented = [self._presented([material, estimated], place) for material, estimated in pairs]
        return [pair[0] for pair in presented], [pair[1] for pair in presented]

    def _presented(self, alike: list[Material], place: Place) -> list[Material]:
        """Materials of as many segments, to be treated alike."""
        return [levelled(material, self.settings) for material in alike]


def levelled(material: Material, settings: Adversarial) -> Material:
    """Signals and mixture, each over its own RMS, where the settings ask for it.

    The diagnosis does the same: this is how judges hear at any time.
    """
    floor_db = settings.silence_db
    if not settings.level_normalisation or floor_db is None:
        return material
    return material._replace(
        signals=level_normalised(material.signals, floor_db),
        mixture=level_normalised(material.mixture, floor_db),
    )
