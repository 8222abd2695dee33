"""Feature matching: the estimate shall move a discriminator's inner layers as the true source does.

A regression in the discriminator's own terms, which needs the true source of each estimate: paired
material only. Each layer's distance is divided by the size of what it is a distance from, so that
layers of any width and level have the same say.

Sources: Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016; the
normalised form is that of Défossez et al., High Fidelity Neural Audio Compression, 2022.
"""

import torch
from torch import Tensor

from gan_sep.adversarial.scored import Scored

SMALLEST = 1e-8  # layers that say less than this of a real source say nothing


def feature_matching(real: Scored, fake: Scored, num_paired: int) -> Tensor:
    """Mean over layers of mean |f_real - f_fake| / mean |f_real|: (S,), 0 where features are equal.

    real, fake: outputs of the same segments, sources and their estimates, of which the first
    num_paired count where fake's do. Both means are those of one segment, so that accumulated
    micro-batches equal one large batch. What the discriminators say of the real sources is a
    constant. Raises ValueError where the features do not pair, or there are none.
    """
    pairs = _pairs(real, fake)
    active = fake.active[:num_paired]  # (B, S)
    ratios = []
    for target, feature in pairs:
        target, feature = (
            each[:num_paired].float().flatten(2).masked_fill(~active[:, :, None], 0.0)
            for each in (target.detach(), feature)
        )  # (B, S, n)
        size = target.abs().mean(-1).clamp_min(SMALLEST)  # (B, S)
        ratios.append((target - feature).abs().mean(-1) / size)
    return torch.stack(ratios).mean(0).mean(0)  # (S,)


def _pairs(real: Scored, fake: Scored) -> list[tuple[Tensor, Tensor]]:
    targets, features = real.output.features, fake.output.features
    shapes = [[tuple(feature.shape) for feature in each] for each in (targets, features)]
    if not targets or shapes[0] != shapes[1]:
        raise ValueError(
            "feature matching: expected features of the same shapes for sources and estimates, at "
            f"least one, got {shapes[0]} and {shapes[1]}"
        )
    return list(zip(targets, features, strict=True))
