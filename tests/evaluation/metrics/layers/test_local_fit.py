"""The local fit finds what was made of the sources, and is least squares in every window."""

import pytest
import torch

from gan_sep.evaluation.metrics.layers.local_fit import fitted, local_fit


def spectra(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.complex128, generator=generator)


def test_sources_filtered_and_mixed_are_found_with_their_own_part() -> None:
    sources = spectra(3, 4, 41)
    sources[..., 0] = sources[..., -1] = 0
    filtered = 0.5 * sources + 0.2j * sources.roll(1, -1)
    estimates = filtered + 0.3 * sources.roll(1, 0)
    fits, own = local_fit(sources, estimates, window=21)
    torch.testing.assert_close(fits, estimates, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(own, filtered, rtol=1e-4, atol=1e-4)


def test_the_fit_is_least_squares_in_each_window_and_fades_between_them() -> None:
    sources, estimates = spectra(2, 1, 31), spectra(2, 1, 31, seed=1)
    fits, _ = local_fit(sources, estimates, window=21)
    around = torch.nn.functional.pad(sources[:, 0], (1, 1))  # (S, 33)
    inputs = torch.stack([around[:, 1 - lag : 32 - lag] for lag in (-1, 0, 1)], 1).flatten(0, 1)
    expected, weights = torch.zeros(2, 31, dtype=torch.complex128), torch.zeros(31)
    triangle = 1 - (torch.arange(21) - 10).abs() / 11
    for start in (0, 10):
        now = slice(start, start + 21)
        taps = torch.linalg.lstsq(inputs[:, now].T, estimates[:, 0, now].T).solution  # (K, S)
        expected[:, now] += (inputs[:, now].T @ taps).T * triangle
        weights[now] += triangle
    torch.testing.assert_close(fits[:, 0], expected / weights, rtol=1e-4, atol=1e-4)


def test_silence_is_fitted_by_silence() -> None:
    sources, estimates = (
        torch.zeros(2, 3, 50, dtype=torch.complex64),
        spectra(2, 3, 50).to(torch.complex64),
    )
    for each in local_fit(sources, estimates, window=21):
        assert not each.any()


@pytest.mark.slow
def test_the_fit_alone_is_the_same_and_has_the_gradient_of_least_squares() -> None:
    sources, estimates = spectra(2, 3, 47), spectra(2, 3, 47, seed=1).requires_grad_()
    fits = fitted(sources, estimates, window=21)
    torch.testing.assert_close(fits, local_fit(sources, estimates.detach(), window=21)[0])
    assert torch.autograd.gradcheck(lambda x: fitted(sources, x, 21), estimates)


@pytest.mark.parametrize("likeness", [0.0, 1.0])
def test_single_precision_is_near_double_precision_even_of_like_sources(likeness: float) -> None:
    sources = spectra(3, 5, 60)
    sources[1] = likeness * sources[0] + (1 - likeness) * sources[1]
    estimates = 0.5 * sources + 0.1 * spectra(3, 5, 60, seed=1)
    double = local_fit(sources, estimates, window=21)[0]
    single = local_fit(sources.to(torch.complex64), estimates.to(torch.complex64), window=21)[0]
    torch.testing.assert_close(single.to(double), double, rtol=0, atol=1e-3)
