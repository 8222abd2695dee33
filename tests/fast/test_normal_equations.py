"""Correlations against sums, and the equations made of them."""

import numpy as np
import pytest
import torch
from pairs import require_equal

from gan_sep.fast.normal_equations import NormalEquations, correlations, plain_correlations


def signals(count: int, samples: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).standard_normal((count, samples)))


@pytest.mark.parametrize("samples", [1, 300, 5000])
def test_correlations_are_sums_at_every_lag(samples: int) -> None:
    images, targets = signals(2, samples), signals(3, samples)
    require_equal(correlations, plain_correlations, images, targets, rtol=0, atol=1e-9)


def test_correlations_sum_many_blocks() -> None:
    images, targets = signals(2, 600_000).split(1)
    auto, cross = correlations(images, targets.float())
    a, b = images[0].numpy(), targets[0].float().double().numpy()
    for lag in (0, 1, 511):
        assert cross[0, 0, lag] == pytest.approx(a[: 600_000 - lag] @ b[lag:], abs=1e-8)
        expected = pytest.approx(a[: 600_000 - lag] @ a[lag:], abs=1e-8)
        assert auto[0, 0, 511 + lag] == auto[0, 0, 511 - lag] == expected


def test_the_matrix_holds_inner_products_of_delayed_images() -> None:
    images = signals(2, 700)
    matrix = NormalEquations(*correlations(images, images), np.ones(2)).matrix()
    padded = np.pad(images.numpy(), [(0, 0), (0, 511)])
    delayed = [np.roll(image, lag) for image in padded for lag in range(512)]
    np.testing.assert_allclose(matrix, np.inner(delayed, delayed), rtol=0, atol=1e-9)


def test_changing_the_matrix_leaves_the_equations_alone() -> None:
    images = signals(1, 700)
    equations = NormalEquations(*correlations(images, images), np.ones(1))
    before = equations.auto.copy()
    equations.matrix()[:] = 0
    np.testing.assert_array_equal(equations.auto, before)
