"""How material is presented to the discriminators in training, after it was chosen and before it is
scored.

A source and its estimate are always treated alike, and so are all real and all estimated signals as
populations: nothing that is done here tells them apart.
"""

from collections.abc import Sequence
from functools import partial

from gan_sep.adversarial.adaptive_probability import AdaptiveProbability
from gan_sep.adversarial.augmentation import augmented, drawn
from gan_sep.adversarial.instance_noise import white_noise
from gan_sep.adversarial.levels import level_normalised
from gan_sep.adversarial.material import Material, Place
from gan_sep.config.run import Adversarial

KINDS = ("paired", "unpaired")  # of material, in their order
AUGMENTATION = {"paired": 16314465, "unpaired": 1033576616}  # streams of random numbers


class Presentation:
    """What the settings ask for: signals of one level, augmentation, instance noise.

    Drawn for each segment by its number in the step: neither accumulation nor the number of
    processes nor resuming changes what is given.
    """

    def __init__(
        self,
        settings: Adversarial,
        seed: int,
        conditioned: bool = False,
        probability: AdaptiveProbability | None = None,
    ) -> None:
        """conditioned: whether they get mixtures; probability: of augmentation, if any."""
        self.settings = settings
        self.seed = seed
        self.conditioned = conditioned
        self.probability = probability

    def __call__(
        self, real: Sequence[Material], fake: Sequence[Material], place: Place
    ) -> tuple[list[Material], list[Material]]:
        """Material as `gan_sep.adversarial.material.materials` gives it, ready to be scored.

        Gradients flow through to the signals. Which segments count is left as it is.
        """
        presented = [
            self._presented(kind, pair, place)
            for kind, pair in zip(KINDS, zip(real, fake, strict=True), strict=False)
        ]
        return [pair[0] for pair in presented], [pair[1] for pair in presented]

    def _presented(self, kind: str, alike: Sequence[Material], place: Place) -> list[Material]:
        """Materials of as many segments, to be treated alike."""
        alike = [levelled(material, self.settings) for material in alike]
        if self.probability is not None:
            alike = self._augmented(kind, alike, place, self.probability)
        return self._noisy(kind, alike, place)

    def _augmented(
        self, kind: str, alike: list[Material], place: Place, probability: AdaptiveProbability
    ) -> list[Material]:
        """The same changes to a source, its estimate and, for its discriminator, the mixture."""
        B, S = alike[0].signals.shape[:2]
        items, purpose = place.items(B), AUGMENTATION[kind]
        uniforms = drawn(self.seed, purpose, place.step, items, S)  # (B, S, kinds, 3)
        change = partial(
            augmented,
            uniforms=uniforms,
            kinds=probability.settings.kinds,
            probability=probability.values,
        )
        changed = []
        for material in alike:
            mixture = material.mixture  # (B, C, T)
            if self.conditioned:
                mixture = change(mixture[:, None].expand(-1, S, -1, -1))  # (B, S, C, T)
            changed.append(material._replace(signals=change(material.signals), mixture=mixture))
        return changed

    def _noisy(self, kind: str, alike: list[Material], place: Place) -> list[Material]:
        """The same noise on a source and its estimate, none on mixtures."""
        noise, first = self.settings.instance_noise, self.settings.first_discriminator_step
        amplitude = 0.0 if noise is None else noise.amplitude(place.step, first)
        if not amplitude:
            return alike
        like = alike[0].signals  # (B, S, C, T)
        items, purpose = place.items(len(like)), f"instance noise {kind}"
        added = amplitude * white_noise(like, self.seed, purpose, place.step, items)
        return [material._replace(signals=material.signals + added) for material in alike]


def levelled(material: Material, settings: Adversarial) -> Material:
    """Signals and mixture, each over its own RMS, where the settings ask for it.

    The diagnosis does the same: this is what discriminators are given at any time.
    """
    floor_db = settings.silence_db
    if not settings.level_normalisation or floor_db is None:
        return material
    return material._replace(
        signals=level_normalised(material.signals, floor_db),
        mixture=level_normalised(material.mixture, floor_db),
    )
