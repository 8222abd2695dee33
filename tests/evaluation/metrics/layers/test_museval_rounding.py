"""Filters with the bits of museval's own."""

import numpy as np
import pytest
import torch
from bsseval_cases import NEARLY_SINGULAR, hard_pair

from gan_sep.evaluation.metrics.layers.museval_rounding import (
    museval_correlations,
    museval_filters,
    solve_as_museval,
)
from gan_sep.fast.normal_equations import NormalEquations, correlations, plain_correlations


def signals(count: int, samples: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, samples))


def test_correlations_are_sums_at_every_lag() -> None:
    images, targets = signals(2, 300), signals(3, 300)
    found = museval_correlations(images, targets)
    expected = plain_correlations(torch.from_numpy(images), torch.from_numpy(targets))
    for each, sums in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, sums, rtol=0, atol=1e-9)


@pytest.mark.parametrize("samples", [3000, 40_000])  # numpy reuses large arrays only
@pytest.mark.parametrize("channels", [1, 2])
def test_correlations_have_the_bits_of_museval_s(
    channels: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    museval = pytest.importorskip("museval.metrics", exc_type=ImportError)
    sources = 2
    images, targets = signals(2 * channels, samples), signals(2 * channels, samples)[::-1].copy()
    references, estimates = (
        each.reshape(sources, channels, samples).transpose(0, 2, 1) for each in (images, targets)
    )
    right_sides = []

    def unsolved(matrix: np.ndarray, right_side: np.ndarray) -> np.ndarray:
        right_sides.append(right_side)
        return right_side

    monkeypatch.setattr(np.linalg, "solve", unsolved)
    inner_products, spectra = museval._compute_reference_correlations(references, 512)
    for estimate in estimates:
        museval._compute_projection_filters(inner_products, spectra, estimate)
    auto, cross = museval_correlations(images, targets)
    by_source = auto.reshape(sources, channels, sources, channels, -1).transpose(0, 2, 1, 3, 4)
    np.testing.assert_array_equal(by_source[..., 511:], inner_products[..., :, 0])
    np.testing.assert_array_equal(by_source[..., 511::-1], inner_products[..., 0, :])
    expected = np.concatenate(right_sides, axis=1).reshape(len(images), 512, -1)
    np.testing.assert_array_equal(cross, expected.swapaxes(1, 2))


@pytest.mark.parametrize("case", NEARLY_SINGULAR)
def test_filters_have_the_bits_of_museval_s_where_they_are_rounding_errors(case: str) -> None:
    museval = pytest.importorskip("museval.metrics", exc_type=ImportError)
    references, estimates = hard_pair(case, 2, 2)
    signals = [each.transpose(1, 2).numpy() for each in (references, estimates)]
    expected = [
        museval._compute_projection_filters(
            *museval._compute_reference_correlations(signals[0], 512), estimate
        )
        for estimate in signals[1]
    ]  # each (S, C, L, C)
    _, every = museval_filters(references, estimates)  # (S*C, S*C, L)
    together = np.concatenate(expected, axis=-1).reshape(4, 512, 4)
    np.testing.assert_array_equal(every.mT, together)


def test_where_a_pivot_is_zero_one_of_the_solutions_is_taken() -> None:
    image = torch.zeros(1, 600, dtype=torch.float64)
    image[0, 0] = 4  # its square swallows the diagonal that is added
    target = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 600)))
    auto, cross = correlations(image, target)
    twice = NormalEquations(auto.round().repeat(2, 0).repeat(2, 1), cross.repeat(2, 0), np.ones(1))
    taps = solve_as_museval(twice, channels=1).reshape(2, 512)
    np.testing.assert_allclose(4 * taps.sum(0), target[0, :512].numpy(), rtol=0, atol=1e-6)
