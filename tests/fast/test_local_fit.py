"""The local fit finds what was made of the sources, and is least squares in every window."""

import pytest
import torch
from pairs import require_equal

from gan_sep.fast import local_fit as module
from gan_sep.fast.local_fit import fitted, local_fit, plain_fitted, plain_local_fit


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


@pytest.mark.parametrize("frames", [5, 21, 31, 47])
def test_the_fit_is_least_squares_in_each_window_and_fades_between_them(frames: int) -> None:
    sources, estimates = spectra(2, 3, frames), spectra(2, 3, frames, seed=1).requires_grad_()
    fixed = estimates.detach()
    require_equal(local_fit, plain_local_fit, sources, fixed, 21, rtol=1e-4, atol=1e-4)
    require_equal(fitted, plain_fitted, sources, estimates, 21, rtol=1e-4, atol=1e-4)


def test_bins_are_fitted_alike_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sources, estimates = spectra(2, 7, 50), spectra(2, 7, 50, seed=1)
    together = local_fit(sources, estimates, window=21)
    monkeypatch.setattr(module, "_AT_ONCE", 8)
    torch.testing.assert_close(local_fit(sources, estimates, window=21), together)


def test_silence_is_fitted_by_silence() -> None:
    sources, estimates = (
        torch.zeros(2, 3, 50, dtype=torch.complex64),
        spectra(2, 3, 50).to(torch.complex64),
    )
    for each in local_fit(sources, estimates, window=21):
        assert not each.any()


@pytest.mark.parametrize("likeness", [0.0, 1.0])
def test_single_precision_is_near_double_precision_even_of_like_sources(likeness: float) -> None:
    sources = spectra(3, 5, 60)
    sources[1] = likeness * sources[0] + (1 - likeness) * sources[1]
    estimates = 0.5 * sources + 0.1 * spectra(3, 5, 60, seed=1)
    double = local_fit(sources, estimates, window=21)[0]
    single = local_fit(sources.to(torch.complex64), estimates.to(torch.complex64), window=21)[0]
    torch.testing.assert_close(single.to(double), double, rtol=0, atol=1e-3)
