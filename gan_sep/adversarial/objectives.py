"""Adversarial losses per source: what a discriminator learns from, and what a generator gets of it.

Material is paired (mixtures X, their stems Y) or unpaired (mixtures X^, stems Y^ of other tracks).
For discriminator k, by least squares with smoothed labels:

    L_D,k   = 1/4 [ (D(Y^) - real)^2 + (D(Y) - real)^2 + (D(f(X^)) - fake)^2 + (D(f(X)) - fake)^2 ]
    L_sep,k =       (D(f(X)) - real)^2 + (D(f(X^)) - real)^2

with labels real = 0.9 and fake = 0.1. L_sep of the design is the mean of L_sep,k over the sources.
Where a discriminator gives several logits for a segment, (D - label)^2 is the mean over the logits.

Real and fake material weigh one half each in L_D,k, and each half is the mean of its terms: 1/4
each with unpaired material, 1/2 each without. L_sep,k is a sum of its terms, so that without
unpaired material one term of weight 1 remains.

Two other objectives take the place of these squares, all else being equal:

    hinge          for the discriminator, relu(real - D) on real signals and relu(D - fake) on
                   estimates; for the generator, real - D
    relativistic   for the discriminator, (D(Y) - E D(f) - m)^2 and (D(f) - E D(Y) + m)^2 with the
                   means E D(Y), E D(f) over all real signals and all estimates, m = real - fake;
                   for the generator, half of the same with -m for m, summed over both kinds,
                   since it can win by either

In the published hinge loss the labels are 1 and -1, in the relativistic one m is 1: a
discriminator's last layer scales and shifts what it says, and with the labels of least squares 0.5
stays the threshold of hinge. A relativistic discriminator has no threshold, only differences. Its
means are those of one micro-batch of one process: accumulated micro-batches and several processes
are close to one large batch, not equal.

Sources: Mao et al., Least squares generative adversarial networks, 2017; Lim and Ye, Geometric
GAN, 2017 (hinge); Jolicoeur-Martineau, The relativistic discriminator: a key element missing from
standard GAN, 2018 (RaLSGAN).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from gan_sep.discriminators.base import DiscriminatorOutput

Objective = Literal["least_squares", "hinge", "relativistic"]


@dataclass(frozen=True)
class Labels:
    """The targets of the least squares: real above fake, smoothed away from 1 and 0.

    Raises ValueError where real does not exceed fake.
    """

    real: float = 0.9
    fake: float = 0.1

    def __post_init__(self) -> None:
        if not self.real > self.fake:
            raise ValueError(
                f"labels: expected real above fake, got real {self.real} and fake {self.fake}"
            )


class Scored(NamedTuple):
    """A discriminator's output of one material, and which segments of it count.

    active: (B, S), True where the segment counts; a silent segment tells nothing about its source.
    divisor: (S,), what the sum over active segments is divided by; by default their number. Where
    several processes share a batch and average their gradients, pass the number of active segments
    in all processes over the number of processes: the result is then that of one process.
    """

    output: DiscriminatorOutput
    active: Tensor
    divisor: Tensor | None = None


def discriminator_loss(
    real: Sequence[Scored],
    fake: Sequence[Scored],
    labels: Labels,
    objective: Objective = "least_squares",
) -> Tensor:
    """L_D,k for every discriminator: (S,), at least 0; zero where every logit of k meets its
    target.

    real: paired stems, then unpaired if any; fake: estimates of paired mixtures, then unpaired if
    any. A source with no active segment adds exactly zero to value and gradient.
    Raises ValueError where real or fake is empty, or a mask does not fit its output.
    """
    if not real or not fake:
        raise ValueError(
            "discriminator loss: expected at least one real and one fake output, "
            f"got {len(real)} and {len(fake)}"
        )
    if objective == "relativistic":
        reals, fakes = _relativistic(real, fake, labels.real - labels.fake)
    elif objective == "hinge":
        reals = [mean_over_active(scored, labels.real, shortfall) for scored in real]
        fakes = [mean_over_active(scored, labels.fake, excess) for scored in fake]
    else:
        reals = [mean_over_active(scored, labels.real, torch.square) for scored in real]
        fakes = [mean_over_active(scored, labels.fake, torch.square) for scored in fake]
    return (torch.stack(reals).mean(0) + torch.stack(fakes).mean(0)) / 2


def separation_loss(
    fake: Sequence[Scored],
    labels: Labels,
    objective: Objective = "least_squares",
    real: Sequence[Scored] = (),
) -> Tensor:
    """L_sep,k for every source: (S,); of squares at least 0, and zero where all is taken for real.

    fake: estimates of paired mixtures, then unpaired if any; real: as for `discriminator_loss`,
    asked for by the relativistic objective alone. A source with no active segment adds exactly zero
    to value and gradient.
    Raises ValueError where what is asked for is empty, or a mask does not fit its output.
    """
    if not fake:
        raise ValueError("separation loss: expected at least one output of estimates, got none")
    if objective == "relativistic":
        if not real:
            raise ValueError("separation loss: relativistic: expected outputs of real signals")
        reals, fakes = _relativistic(real, fake, labels.fake - labels.real)
        return (torch.stack(reals).sum(0) + torch.stack(fakes).sum(0)) / 2
    distance = torch.neg if objective == "hinge" else torch.square
    return torch.stack([mean_over_active(j, labels.real, distance) for j in fake]).sum(0)  # (S,)


def mean_over_active(
    scored: Scored, target: Tensor | float, distance: Callable[[Tensor], Tensor]
) -> Tensor:
    """Mean over the active segments of distance(logit - target), itself the mean over logits: (S,).

    target: one for all sources, or (S,). distance: elementwise, 0 at 0.
    Raises ValueError where the mask does not fit the output.
    """
    logits, active = scored.output.logits, scored.active
    if active.shape != logits.shape[:2] or active.dtype != torch.bool:
        raise ValueError(
            f"adversarial loss: expected a bool mask (B, S) = {tuple(logits.shape[:2])}, "
            f"got {active.dtype} {tuple(active.shape)}"
        )
    if isinstance(target, Tensor):
        target = target[:, None]  # (S, 1)
    differences = logits.float().flatten(2) - target  # (B, S, n)
    # Filled before the distance, not multiplied after: zero times an overflow would be NaN.
    differences = differences.masked_fill(~active[:, :, None], 0.0)
    return over_divisor(scored, distance(differences).mean(-1))  # (S,)


def over_divisor(scored: Scored, values: Tensor) -> Tensor:
    """Values of the segments (B, S), zero where not active -> their sum over the divisor: (S,)."""
    divisor = scored.active.sum(0) if scored.divisor is None else scored.divisor
    # A total without active segments is zero whatever it is divided by.
    return values.sum(0) / torch.where(divisor > 0, divisor, 1)


def shortfall(difference: Tensor) -> Tensor:
    """How far a value lies below its target: 0 at and above it."""
    return (-difference).relu()


def excess(difference: Tensor) -> Tensor:
    """How far a value lies above its target: 0 at and below it."""
    return difference.relu()


def _relativistic(
    real: Sequence[Scored], fake: Sequence[Scored], margin: float
) -> tuple[list[Tensor], list[Tensor]]:
    """The squares by which real signals miss `margin` above estimates: (S,) for each material.

    A source that has no active segment among the real, or none among the estimates, is compared
    with nothing: all its terms are zero.
    """
    comparable = _sounding(real) & _sounding(fake)  # (S,)
    real = [scored._replace(active=scored.active & comparable) for scored in real]
    fake = [scored._replace(active=scored.active & comparable) for scored in fake]
    above, below = _mean_logit(fake) + margin, _mean_logit(real) - margin  # (S,) each
    return (
        [mean_over_active(scored, above, torch.square) for scored in real],
        [mean_over_active(scored, below, torch.square) for scored in fake],
    )


def _sounding(materials: Sequence[Scored]) -> Tensor:
    """Where any segment of any material is active: bool (S,)."""
    return torch.cat([scored.active for scored in materials]).any(0)


def _mean_logit(materials: Sequence[Scored]) -> Tensor:
    """Mean over the materials, those without active segments left out, of the means of each."""
    means = [mean_over_active(j._replace(divisor=None), 0.0, torch.positive) for j in materials]
    counted = torch.stack([scored.active.any(0) for scored in materials]).sum(0)  # (S,)
    return torch.stack(means).sum(0) / counted.clamp_min(1)  # (S,)
