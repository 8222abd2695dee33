"""The filters: quick where that is exact, museval's to the bit where it is not."""

import numpy as np
import pytest
import torch
from bsseval_cases import NEARLY_SINGULAR, SAMPLE_RATE, hard_pair, pair

from gan_sep.evaluation.metrics.layers import projections as module
from gan_sep.evaluation.metrics.layers.museval_rounding import (
    museval_correlations,
    solve_as_museval,
)
from gan_sep.evaluation.metrics.layers.normal_equations import NormalEquations, quick_correlations
from gan_sep.evaluation.metrics.layers.projections import (
    plain_filters,
    projections,
    solve_by_cholesky,
)


def quick_equations(images: torch.Tensor, targets: torch.Tensor) -> NormalEquations:
    energies = targets.square().sum(-1).numpy()
    return NormalEquations(*quick_correlations(images, targets), energies)


def test_the_matrix_holds_inner_products_of_delayed_images() -> None:
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 700)))
    matrix = quick_equations(images, images).matrix()
    padded = np.pad(images.numpy(), [(0, 0), (0, 511)])
    delayed = [np.roll(image, lag) for image in padded for lag in range(512)]
    np.testing.assert_allclose(matrix, np.inner(delayed, delayed), rtol=0, atol=1e-9)


def test_changing_the_matrix_leaves_the_equations_alone() -> None:
    images = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 700)))
    equations = quick_equations(images, images)
    before = equations.auto.copy()
    equations.matrix()[:] = 0
    np.testing.assert_array_equal(equations.auto, before)


@pytest.mark.parametrize("case", NEARLY_SINGULAR)
def test_cholesky_refuses_what_it_would_round(case: str) -> None:
    references, estimates = (each.flatten(0, 1) for each in hard_pair(case, 2, 1))
    with pytest.raises(np.linalg.LinAlgError):
        solve_by_cholesky(quick_equations(references, estimates))


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
    images, targets = (each.flatten(0, 1).numpy() for each in (references, estimates))
    equations = NormalEquations(*museval_correlations(images, targets), np.ones(4))
    taps = solve_as_museval(equations, channels=2)  # (S*C*L, S*C)
    together = np.concatenate(expected, axis=-1).reshape(taps.shape)
    np.testing.assert_array_equal(taps, together)


def test_where_a_pivot_is_zero_one_of_the_solutions_is_taken() -> None:
    image = torch.zeros(1, 600, dtype=torch.float64)
    image[0, 0] = 4  # its square swallows the diagonal that is added
    target = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 600)))
    auto, cross = quick_correlations(image, target)
    twice = NormalEquations(auto.round().repeat(2, 0).repeat(2, 1), cross.repeat(2, 0), np.ones(1))
    taps = solve_as_museval(twice, channels=1).reshape(2, 512)
    np.testing.assert_allclose(4 * taps.sum(0), target[0, :512].numpy(), rtol=0, atol=1e-6)


def test_broadband_music_is_solved_quickly_and_dependent_sources_as_museval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def watched(images: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(images.shape)
        return museval_correlations(images, targets)

    monkeypatch.setattr(module, "museval_correlations", watched)
    projections(*pair(2, 1, 3 * SAMPLE_RATE), length=2048)
    assert not asked
    projections(*hard_pair("nearly equal", 2, 1), length=2048)
    assert len(asked) == 1


def test_projections_filter_every_frame() -> None:
    references, estimates = pair(2, 1, 3 * SAMPLE_RATE)
    project = projections(references, estimates, length=4096)
    spectra = torch.fft.rfft(references, 4096)[:, :, None]  # (S, C, 1, F)
    own, every = (torch.fft.irfft(each)[..., 0, :] for each in project(spectra))
    padded = torch.nn.functional.pad(estimates, (0, 4096 - references.shape[-1]))
    for projected, images in ((own[0], references[:1]), (every[0], references)):
        error = padded[0] - projected  # at a right angle to all that could have been taken off
        for image in images:
            leftover = torch.fft.rfft(error[0]) * torch.fft.rfft(image[0], 4096).conj()
            assert torch.fft.irfft(leftover)[:512].abs().max() < 1e-9 * padded.square().sum()


def test_quick_filters_are_those_of_plain_least_squares() -> None:
    references, estimates = (each[..., :900] for each in pair(2, 1, 3 * SAMPLE_RATE))
    images, targets = references.flatten(0, 1), estimates.flatten(0, 1)
    plain = torch.stack([plain_filters(images, target) for target in targets], 1)  # (A, E, L)
    quick = solve_by_cholesky(quick_equations(images, targets)).reshape(2, 512, 2).swapaxes(1, 2)
    np.testing.assert_allclose(quick, plain.numpy(), rtol=0, atol=1e-7)
