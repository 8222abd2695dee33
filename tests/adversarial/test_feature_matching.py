"""Feature matching against values by hand."""

import pytest
import torch
from adversarial.scores import scored as of_logits
from torch import Tensor

from gan_sep.adversarial.feature_matching import feature_matching
from gan_sep.adversarial.scored import Scored


def scored(*features: Tensor, active: Tensor | None = None) -> Scored:
    shape = features[0].shape[:2] if features else (1, 1)
    return of_logits(torch.zeros(*shape, 1), active, features)


def matching(real: Scored, fake: Scored) -> Tensor:
    """Of segments all of which are paired."""
    return feature_matching(real, fake, len(real.weights))


def layer(*values: float) -> Tensor:
    """One segment of one source."""
    return torch.tensor(values).reshape(1, 1, -1)


def test_each_layer_counts_by_its_distance_relative_to_the_real_features() -> None:
    real = scored(layer(1, -3), layer(100, 100, 100))
    fake = scored(layer(1, -1), layer(150, 100, 100))
    # Layer 1: mean 1 of mean 2; layer 2: mean 50 / 3 of mean 100.
    assert matching(real, fake).item() == pytest.approx((0.5 + 1 / 6) / 2)


def test_equal_features_and_any_common_scale_change_nothing() -> None:
    real, fake = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    assert matching(scored(real), scored(real)).tolist() == [0, 0, 0]
    torch.testing.assert_close(
        matching(scored(7 * real), scored(7 * fake)),
        matching(scored(real), scored(fake)),
    )


def test_the_real_features_are_constants() -> None:
    real, fake = torch.randn(2, 1, 2, 4, 5, requires_grad=True).unbind()
    loss = matching(scored(real), scored(fake)).sum()
    to_real, to_fake = torch.autograd.grad(loss, (real, fake), allow_unused=True)
    assert to_real is None
    assert to_fake.abs().max() > 0


def test_only_active_segments_count() -> None:
    real, fake = torch.ones(2, 1, 3), torch.full((2, 1, 3), 1.5)
    real[1], fake[1] = torch.inf, torch.nan
    active = torch.tensor([[True], [False]])
    features = fake.requires_grad_()
    loss = matching(scored(real, active=active), scored(features, active=active))
    assert loss.item() == pytest.approx(0.25)  # of two segments
    (gradient,) = torch.autograd.grad(loss.sum(), features)
    assert gradient[0].sum().item() == pytest.approx(0.5)
    assert gradient[1].abs().max() == 0


def test_a_layer_that_says_nothing_of_the_real_source_gives_no_infinity() -> None:
    silent = torch.zeros(1, 1, 3)
    assert matching(scored(silent), scored(silent)).item() == 0
    assert torch.isfinite(matching(scored(silent), scored(silent + 1))).all()


def test_features_that_do_not_pair_are_refused() -> None:
    for real, fake in (
        (scored(layer(1)), scored(layer(1, 2))),
        (scored(layer(1)), scored(layer(1), layer(2))),
        (scored(), scored()),
    ):
        with pytest.raises(ValueError, match="expected features of the same shapes"):
            matching(real, fake)


def test_unpaired_segments_have_no_source_to_match() -> None:
    real, fake = torch.ones(3, 1, 3), torch.full((3, 1, 3), 1.5)
    fake[2] = 100.0
    assert feature_matching(scored(real), scored(fake), 2).item() == pytest.approx(0.5)
