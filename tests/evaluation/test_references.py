"""Oracles against hand values, an implementation bin by bin, and mixtures they can take apart."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch
from torch import Tensor

from gan_sep.evaluation.metrics import sdr, usdr
from gan_sep.evaluation.references import (
    ORACLES,
    REFERENCE_SYSTEMS,
    binary_mask,
    oracle_estimates,
    ratio_mask,
    reference_estimates,
)
from gan_sep.statistics import pairing

RATE = 8000


def noise(sources: int, channels: int, samples: int = 3 * RATE + 77) -> Tensor:
    """Independent noise of different levels, (S, C, T) in float64."""
    random = torch.Generator().manual_seed(0)
    levels = torch.linspace(0.1, 0.3, sources, dtype=torch.float64)[:, None, None]
    return levels * torch.randn(sources, channels, samples, generator=random, dtype=torch.float64)


def sine(hertz: float) -> Tensor:
    """One second, (T,) in float64."""
    return torch.sin(2 * math.pi * hertz * torch.arange(RATE, dtype=torch.float64) / RATE)


def single_bin(*values: complex) -> Tensor:
    """One value per source as spectra (S, 1, 1, 1)."""
    return torch.tensor(values, dtype=torch.complex128)[:, None, None, None]


@pytest.mark.parametrize(
    ("values", "exponent", "expected"),
    [
        ((3, 4), 1, (3, 4)),
        ((3, 4), 2, (7 * 9 / 25, 7 * 16 / 25)),
        ((3, -4), 1, (-3 / 7, -4 / 7)),
        ((3, 4j), 1, ((3 + 4j) * 3 / 7, (3 + 4j) * 4 / 7)),
        ((0, 0), 1, (0, 0)),
    ],
)
def test_ratio_masks_share_a_bin_by_magnitude_or_power(
    values: tuple[complex, ...], exponent: int, expected: tuple[complex, ...]
) -> None:
    estimates = ratio_mask(single_bin(*values), exponent)
    torch.testing.assert_close(estimates, single_bin(*expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "exponent", "expected"),
    [
        ((3, 4), 1, (0, 7)),  # 3/7 is less than a half, 4/7 more
        ((3, 4), 2, (0, 0)),  # 16/49 is less than a half: the bin is nobody's
        ((1, 9), 2, (0, 10)),
        ((3, -4), 1, (-1, -1)),  # both are larger than their sum
        ((1, 1), 1, (2, 2)),
        ((0, 0), 1, (0, 0)),
    ],
)
def test_binary_masks_give_a_bin_to_whoever_holds_half_of_the_mixture(
    values: tuple[complex, ...], exponent: int, expected: tuple[complex, ...]
) -> None:
    # The campaign's eps makes exactly one half a little less; music has no such bins.
    estimates = binary_mask(single_bin(*values), exponent)
    torch.testing.assert_close(estimates, single_bin(*expected), rtol=0, atol=1e-12)


def by_scipy(references: Tensor, oracle: str) -> np.ndarray:
    """The masks of the campaign's definition on scipy's STFT."""
    kind, exponent = oracle[:3], int(oracle[3])
    spectra = scipy.signal.stft(references.numpy(), nperseg=2048)[2]  # (S, C, F, N)
    mixture, powers = spectra.sum(0), np.abs(spectra) ** exponent
    if kind == "ibm":
        masks = (powers / (np.finfo(float).eps + np.abs(mixture) ** exponent) >= 0.5).astype(float)
    else:
        masks = powers / (np.finfo(float).eps + powers.sum(0))
    estimates: np.ndarray = scipy.signal.istft(mixture * masks, nperseg=2048)[1]
    return estimates[..., : references.shape[-1]]


@pytest.mark.parametrize("oracle", ["ibm1", "ibm2", "irm1", "irm2"])
def test_masks_equal_those_on_scipy_s_spectra(oracle: str) -> None:
    references = noise(3, 2)
    estimates = oracle_estimates(references, oracle)
    np.testing.assert_allclose(estimates.numpy(), by_scipy(references, oracle), atol=1e-12)


def wiener_by_scipy(references: Tensor) -> np.ndarray:
    """The multichannel Wiener filter bin by bin, with plain inverses."""
    spectra = scipy.signal.stft(references.numpy(), nperseg=2048)[2]  # (S, C, F, N)
    S, C, F, N = spectra.shape
    estimates = np.zeros_like(spectra)
    for f in range(F):
        covariances = np.zeros((S, N, C, C), complex)
        for s in range(S):
            images = [spectra[s, :, f, n] for n in range(N)]
            outer = [np.outer(y, y.conj()) / np.mean(np.abs(y) ** 2) for y in images]
            spatial = np.mean(outer, axis=0)
            spatial *= C / np.trace(spatial).real
            inverse = np.linalg.inv(spatial)
            variances = [(y.conj() @ inverse @ y).real / C for y in images]
            covariances[s] = np.array(variances)[:, None, None] * spatial
        for n in range(N):
            inverse = np.linalg.inv(covariances[:, n].sum(0))
            for s in range(S):
                estimates[s, :, f, n] = covariances[s, n] @ inverse @ spectra[:, :, f, n].sum(0)
    waveforms: np.ndarray = scipy.signal.istft(estimates, nperseg=2048)[1]
    return waveforms[..., : references.shape[-1]]


def test_the_wiener_filter_equals_one_computed_bin_by_bin() -> None:
    references = noise(2, 2, 5000)
    references[0, 1] += 0.7 * references[0, 0]  # correlated channels
    estimates = oracle_estimates(references, "mwf")
    np.testing.assert_allclose(estimates.numpy(), wiener_by_scipy(references), atol=1e-7)


@pytest.mark.parametrize("oracle", ORACLES)
def test_sources_in_different_bins_come_apart(oracle: str) -> None:
    references = torch.stack([sine(500), sine(2000)])[:, None].expand(2, 2, -1)
    references = references * torch.tensor([1.0, 0.5])[:, None]  # the right channel is softer
    ratios = usdr(references, oracle_estimates(references, oracle))
    assert (ratios > 40).all()


@pytest.mark.parametrize("oracle", ["irm1", "irm2", "mwf"])
@pytest.mark.parametrize("channels", [1, 2])
def test_soft_estimates_sum_to_the_mixture(oracle: str, channels: int) -> None:
    references = noise(3, channels).float()
    total = oracle_estimates(references, oracle).sum(0)
    torch.testing.assert_close(total, references.sum(0), rtol=0, atol=1e-6)


def test_the_wiener_filter_of_mono_is_the_ratio_mask_of_powers() -> None:
    references = noise(3, 1)
    estimates = oracle_estimates(references, "mwf")
    torch.testing.assert_close(estimates, oracle_estimates(references, "irm2"), rtol=0, atol=1e-7)


def test_mono_songs_in_two_equal_channels_are_filtered_as_in_one() -> None:
    references = noise(3, 1)
    for oracle in ORACLES:
        stereo = oracle_estimates(references.expand(3, 2, -1), oracle)
        expected = oracle_estimates(references, oracle).expand(3, 2, -1)
        torch.testing.assert_close(stereo, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("panning", [((1, 0), (0, 1)), ((1, 0.3), (0.2, 1)), ((1, 1), (1, -1))])
def test_the_wiener_filter_takes_two_panned_sources_apart_and_masks_do_not(
    panning: tuple[tuple[float, float], ...],
) -> None:
    gains = torch.tensor(panning, dtype=torch.float64)[:, :, None]  # (S, C, 1)
    references = gains * noise(2, 1)  # (S, C, T)
    assert (usdr(references, oracle_estimates(references, "mwf")) > 60).all()
    if not (gains == 0).any():
        assert (usdr(references, oracle_estimates(references, "irm2")) < 20).all()


def test_oracles_rank_on_noise_as_they_do_on_music() -> None:
    references = noise(3, 1)
    ibm1, irm1, irm2 = (
        usdr(references, oracle_estimates(references, oracle)).mean()
        for oracle in ("ibm1", "irm1", "irm2")
    )
    mixture = usdr(references, references.sum(0).expand_as(references)).mean()
    assert mixture < ibm1 < irm1 < irm2


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_silent_source_gets_nothing_and_harms_nobody(oracle: str) -> None:
    references = noise(2, 2)
    references[1] = 0
    references[0, :, :RATE] = 0  # and for a while there is silence
    estimates = oracle_estimates(references, oracle)
    torch.testing.assert_close(estimates, references, rtol=0, atol=1e-7)
    assert oracle_estimates(torch.zeros(2, 2, 100), oracle).abs().max() == 0


@pytest.mark.parametrize("oracle", ORACLES)
def test_estimates_have_the_references_type_and_length(oracle: str) -> None:
    for samples in (1, 1024, 5001):
        references = noise(2, 2, samples).float()
        estimates = oracle_estimates(references, oracle)
        assert (estimates.dtype, estimates.shape) == (torch.float32, references.shape)


def test_unknown_oracles_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one of ibm1, ibm2, irm1, irm2, mwf, got 'irm3'"):
        oracle_estimates(noise(2, 1), "irm3")
    for shape in ((2, 0, 10), (2, 10)):
        with pytest.raises(ValueError, match=r"expected non-empty \(S, C, T\) signals, got \(2, "):
            oracle_estimates(torch.zeros(shape), "irm1")


@pytest.mark.slow
def test_oracles_of_real_songs_rank_and_lie_as_published() -> None:
    root = os.environ.get("GAN_SEP_DATA")
    if not root:
        pytest.skip("GAN_SEP_DATA names no folder of real songs")
    medians: dict[str, list[float]] = {"ibm1": [], "irm1": [], "irm2": []}
    for song in sorted((Path(root) / "musdb18-7s" / "test").iterdir())[:3]:
        stems = [soundfile.read(path, dtype="float32", always_2d=True) for path in song.iterdir()]
        references = torch.from_numpy(np.stack([audio.T for audio, _ in stems]))
        for oracle, values in medians.items():
            ratios = sdr(references, oracle_estimates(references, oracle), stems[0][1])
            values.append(float(np.nanmedian(ratios.numpy())))
    ibm1, irm1, irm2 = (float(np.nanmedian(values)) for values in medians.values())
    assert ibm1 < irm1 < irm2
    # All of MUSDB18's test set, whole songs: 6.46, 7.24 and 8.22 dB (SiSEC 2018).
    assert (ibm1, irm1, irm2) == pytest.approx((6.46, 7.24, 8.22), abs=2.5)


def test_statistics_know_the_reference_systems_by_name() -> None:
    assert REFERENCE_SYSTEMS == pairing.REFERENCE_SYSTEMS


def test_the_mixture_is_the_estimate_of_every_source() -> None:
    references = torch.tensor([[[1.0, 2.0]], [[3.0, -2.0]]])
    estimates = reference_estimates(references, "mixture")
    assert estimates.tolist() == [[[4.0, 0.0]], [[4.0, 0.0]]]
    oracle = reference_estimates(references, "irm1")
    assert torch.equal(oracle, oracle_estimates(references, "irm1"))
