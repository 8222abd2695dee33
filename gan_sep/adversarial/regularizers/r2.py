"""R2: weight / 2 |grad D|^2 at estimates, otherwise as R1.

Source: Mescheder, Geiger and Nowozin, Which training methods for GANs do actually converge?, 2018.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from gan_sep.adversarial.regularizers import r1


@dataclass(frozen=True)
class Config(r1.Config):
    """As R1's."""

    where: ClassVar[Literal["real", "estimates"]] = "estimates"
