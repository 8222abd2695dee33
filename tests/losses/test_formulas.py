"""Every loss of the benchmark against values by hand, numpy and auraloss."""

import importlib
import math
from typing import Any

import auraloss  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_sep.config.loader import Component, ConfigError, build
from gan_sep.config.run import RunConfig
from gan_sep.losses import dissimilarity
from gan_sep.losses.base import SILENCE_DB, Loss
from gan_sep.losses.layers.magnitudes import Stft

Array = NDArray[np.float64]
N_FFT, HOP = 128, 32
WITHOUT_SILENCE = {
    *("logl1_time", "logl2_time", "si_sdr_time", "sd_sdr_time"),
    *("logl1_freq", "logl2_freq", "si_sdr_freq", "mr_stft"),
}


def loss(name: str, **settings: Any) -> Loss:
    config_class = importlib.import_module(f"gan_sep.losses.{name}").Config
    if name.endswith(("_freq", "_mask")) or name in ("psa", "dissimilarity"):
        settings = {"stft": Stft(N_FFT, HOP)} | settings
    made: Loss = config_class(**settings)
    return made


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- by hand -------------------------------------------------------------------------------------


def samples(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("name", "estimate", "source", "expected"),
    [
        ("l1_time", (3, 1), (2, 3), 1.5),
        ("l2_time", (3, 1), (2, 3), 2.5),
        ("logl1_time", (1.2, 0), (1, 0), -10),
        ("logl2_time", (1.2, 0), (1, 0.4), -10),
        ("si_sdr_time", (1, 1), (1, 0), 0),
        ("si_sdr_time", (10, 1), (1, 0), -20),
        ("si_sdr_time", (-30, 3), (1, 0), -20),  # of any scale and sign
        ("si_sdr_time", (0, 1), (1, 0), 80),
        ("sd_sdr_time", (1.1, 0), (1, 0), -20),  # R 20 dB, a^2 above 1
        ("sd_sdr_time", (0.5, 0), (1, 0), 0),  # R 6 dB, a^2 -6 dB
        ("sd_sdr_time", (2, 0), (1, 0), 0),
        ("sd_sdr_time", (1, 0.1), (1, 0), -20),
    ],
)
def test_a_loss_of_samples_is_the_value_by_hand(
    name: str, estimate: tuple[float, ...], source: tuple[float, ...], expected: float
) -> None:
    found = loss(name)(samples(*estimate), samples(*source))
    assert found.item() == pytest.approx(expected, abs=1e-5)


def mean_of_magnitudes(signal: Tensor, power: int) -> float:
    magnitudes = np.abs(spectrum(signal[0, 0, 0].numpy(), N_FFT, HOP))
    return float((magnitudes**power).mean())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("l1_freq", lambda m1, m2: m1 / 2),
        ("l2_freq", lambda m1, m2: m2 / 4),
        ("logl1_freq", lambda m1, m2: 10 * math.log10(m1 / 2)),
        ("logl2_freq", lambda m1, m2: 10 * math.log10(m2 / 4)),
        ("si_sdr_freq", lambda m1, m2: -80),
        ("psa", lambda m1, m2: m2 / 4),
        # Own error m2 / 4; the other source is silent: less 0.05 of the estimate's m2 / 4.
        ("dissimilarity", lambda m1, m2: 0.95 * m2 / 4),
        ("l1_mask", lambda m1, m2: 0),  # masks do not know the level
    ],
)
def test_half_a_source_beside_silence_has_the_value_by_hand(name: str, expected: Any) -> None:
    source = noise(1, 1, 1, 2000)
    sources = torch.cat([source, torch.zeros_like(source)], 1)
    found = loss(name)(sources / 2, sources)[0].item()
    m1, m2 = (mean_of_magnitudes(source, power) for power in (1, 2))
    assert found == pytest.approx(expected(m1, m2), abs=2e-4)


def test_equal_sources_of_which_one_takes_all_have_masks_that_err_by_a_half() -> None:
    source = noise(1, 1, 1, 2000)
    estimates = torch.cat([2 * source, torch.zeros_like(source)], 1)
    sources = torch.cat([source, source], 1)
    assert loss("l1_mask")(estimates, sources).tolist() == pytest.approx([0.5, 0.5], abs=1e-3)
    assert loss("l2_mask")(estimates, sources).tolist() == pytest.approx([0.25, 0.25], abs=1e-3)


def test_bins_without_a_mixture_do_not_count_in_masks() -> None:
    sources = noise(1, 2, 1, 4000)
    sources[..., 2000:] = 0  # the second half: nothing to share out, and noise in the estimates
    estimates = sources.clone()
    estimates[..., 2100:] = noise(1, 2, 1, 1900, seed=1)
    assert loss("l1_mask")(estimates, sources).tolist() == pytest.approx([0, 0], abs=0.02)


def test_half_the_level_is_a_half_and_six_decibels_to_mr_stft() -> None:
    source = noise(1, 1, 2, 3000)
    found = loss("mr_stft", n_ffts=(64, 256))(source / 2, source)
    assert found.item() == pytest.approx(0.5 + math.log10(2), abs=1e-3)


def test_an_error_in_quadrature_to_the_mixture_does_not_count_in_psa() -> None:
    time = torch.arange(4096, dtype=torch.float64) * 2 * math.pi * 8 / N_FFT
    source, quadrature = time.cos(), time.sin()
    sources = torch.stack([source, torch.zeros_like(source)])[None, :, None]
    estimates = sources + torch.stack([quadrature, torch.zeros_like(source)])[None, :, None]
    inner = slice(None), slice(None), slice(None), slice(1024, 3072)
    assert loss("psa")(estimates[inner], sources[inner])[0] < 0.02
    assert loss("l2_time")(estimates[inner], sources[inner])[0] == pytest.approx(0.5, abs=1e-3)


# ---- by numpy ------------------------------------------------------------------------------------


def spectrum(signal: Array, n_fft: int, hop: int) -> NDArray[np.complex128]:
    """Frame by frame, with the scale that makes magnitudes as large as samples: (N, F)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    hops = -(-len(signal) // hop)
    padded = np.zeros(n_fft + hops * hop)
    padded[n_fft // 2 : n_fft // 2 + len(signal)] = signal
    frames = [np.fft.rfft(padded[n * hop : n * hop + n_fft] * window) for n in range(hops + 1)]
    found: NDArray[np.complex128] = np.array(frames) / np.sqrt(3 / 8 * n_fft)
    return found


def spectra(channels: Array, n_fft: int = N_FFT, hop: int = HOP) -> NDArray[np.complex128]:
    return np.array([spectrum(channel, n_fft, hop) for channel in channels])


def log10_of(value: Any) -> float:
    return 10 * math.log10(value)


def si_sdr(e: Array, y: Array) -> float:
    e, y = e.ravel(), y.ravel()
    target = (e @ y) / (y @ y) * y
    return -log10_of((target @ target) / ((target - e) @ (target - e)))


def sd_sdr(e: Array, y: Array) -> float:
    e, y = e.ravel(), y.ravel()
    ratio = log10_of((y @ y) / ((e - y) @ (e - y)))
    return -min(ratio, ratio + log10_of(((e @ y) / (y @ y)) ** 2))


def oracle(name: str, e: Array, y: Array, k: int) -> float:
    """One item's value for source k: e, y (S, C, T)."""
    if name.endswith("_time"):
        error = (e - y)[k]
        return {
            "l1_time": lambda: np.abs(error).mean(),
            "l2_time": lambda: (error**2).mean(),
            "logl1_time": lambda: log10_of(np.abs(error).mean()),
            "logl2_time": lambda: log10_of((error**2).mean()),
            "si_sdr_time": lambda: si_sdr(e[k], y[k]),
            "sd_sdr_time": lambda: sd_sdr(e[k], y[k]),
        }[name]()
    if name == "mr_stft":
        found = 0.0
        for n_fft in (2048, 1024):
            a, b = (np.abs(spectra(x[k], n_fft, n_fft // 4)) for x in (e, y))
            found += math.sqrt(((a - b) ** 2).sum() / (b**2).sum())
            found += np.abs(np.log10(a + 1e-4) - np.log10(b + 1e-4)).mean()
        return found / 2
    complex_e, complex_y = (np.array([spectra(x) for x in each]) for each in (e, y))
    E, Y, X = np.abs(complex_e), np.abs(complex_y), spectra(y.sum(0))
    M = np.abs(E[k] / E.sum(0) - Y[k] / Y.sum(0))[np.abs(X) > 1e-4]
    others = [j for j in range(len(y)) if j != k]
    return {
        "l1_freq": lambda: np.abs(E - Y)[k].mean(),
        "l2_freq": lambda: ((E - Y)[k] ** 2).mean(),
        "logl1_freq": lambda: log10_of(np.abs(E - Y)[k].mean()),
        "logl2_freq": lambda: log10_of(((E - Y)[k] ** 2).mean()),
        "si_sdr_freq": lambda: si_sdr(E[k], Y[k]),
        "l1_mask": lambda: M.mean(),
        "l2_mask": lambda: (M**2).mean(),
        "psa": lambda: np.square(
            E[k] * np.cos(np.angle(complex_e[k]) - np.angle(X))
            - Y[k] * np.cos(np.angle(complex_y[k]) - np.angle(X))
        ).mean(),
        "dissimilarity": lambda: (
            ((E - Y)[k] ** 2).mean() - 0.05 * sum(((E[k] - Y[j]) ** 2).mean() for j in others)
        ),
    }[name]()


BENCHMARK = (
    *("l1_time", "l2_time", "si_sdr_time", "sd_sdr_time", "logl1_time", "logl2_time"),
    *("l1_freq", "l2_freq", "psa", "l1_mask", "l2_mask", "dissimilarity", "si_sdr_freq"),
    *("logl1_freq", "logl2_freq", "mr_stft"),
)


@pytest.mark.parametrize("name", BENCHMARK)
def test_a_loss_is_the_mean_over_items_of_the_formula_in_numpy(name: str) -> None:
    sources = noise(2, 3, 2, 1500) * torch.tensor([1.0, 0.3, 0.1]).reshape(1, 3, 1, 1)
    estimates = 0.8 * sources + 0.2 * noise(2, 3, 2, 1500, seed=1)
    items = [
        [oracle(name, e, y, k) for k in range(3)]
        for e, y in zip(estimates.numpy(), sources.numpy(), strict=True)
    ]
    found = loss(name)(estimates, sources)
    assert found.tolist() == pytest.approx(np.mean(items, 0).tolist(), rel=1e-3)


def test_the_published_psa_is_that_of_an_estimate_with_the_mixtures_phase() -> None:
    """E - Y cos(angle X - angle Y), of one frame, where the phase can be had exactly."""
    X = np.fft.rfft(noise(64).numpy())
    Y = np.fft.rfft(noise(64, seed=1).numpy())
    E = np.abs(Y) * 0.7
    published = E - np.abs(Y) * np.cos(np.angle(X) - np.angle(Y))
    ours = ((E * np.exp(1j * np.angle(X)) - Y) * X.conj()).real / np.abs(X)
    assert ours == pytest.approx(published)


# ---- by auraloss ---------------------------------------------------------------------------------


def test_the_ratios_are_those_of_auraloss() -> None:
    sources = noise(3, 1, 1, 4000)
    estimates = 0.7 * sources + 0.1 * noise(3, 1, 1, 4000, seed=1)
    flat = estimates[:, 0], sources[:, 0]
    for name, theirs in (("si_sdr_time", "SISDRLoss"), ("sd_sdr_time", "SDSDRLoss")):
        expected = getattr(auraloss.time, theirs)(zero_mean=False)(*flat)
        assert loss(name)(estimates, sources).item() == pytest.approx(expected.item(), abs=1e-4)


def test_both_parts_of_mr_stft_are_those_of_auraloss() -> None:
    sources = noise(1, 1, 1, 4000)
    estimates = 0.7 * sources + 0.1 * noise(1, 1, 1, 4000, seed=1)
    E, Y = Stft(256, 64).magnitudes(estimates, sources)
    convergence = auraloss.freq.SpectralConvergenceLoss()(E, Y)
    logs = auraloss.freq.STFTMagnitudeLoss()(E, Y) / math.log(10)
    found = loss("mr_stft", n_ffts=(256,))(estimates, sources)
    assert found.item() == pytest.approx((convergence + logs).item(), rel=2e-3)


# ---- silence, equality, bad input ----------------------------------------------------------------


@pytest.mark.parametrize("name", BENCHMARK)
def test_at_equality_a_loss_has_its_known_minimum(name: str) -> None:
    sources = noise(2, 3, 2, 1500)
    expected = {"mr_stft": 0.0, "dissimilarity": None}.get(
        name, -80.0 if name in WITHOUT_SILENCE else 0.0
    )
    if expected is not None:
        found = loss(name)(sources, sources)
        assert found.tolist() == pytest.approx([expected] * 3, abs=1e-3)


@pytest.mark.parametrize("name", BENCHMARK)
def test_silent_sources_are_left_out_where_the_loss_has_no_value_for_them(name: str) -> None:
    sources, estimates = noise(2, 2, 1, 1500), noise(2, 2, 1, 1500, seed=1)
    silent = sources.clone()
    silent[0, 1] *= 0.9 * 10 ** (SILENCE_DB / 20)  # below the threshold, the other item above
    assert loss(name).leaves_out_silence == (name in WITHOUT_SILENCE)
    if name in WITHOUT_SILENCE:
        found = loss(name)(estimates, silent)
        alone = loss(name)(estimates[1:], sources[1:])
        assert found[1].item() == pytest.approx(alone[1].item() / 2)


@pytest.mark.parametrize("name", ["psa", "l1_mask", "l2_mask", "dissimilarity"])
def test_a_loss_of_a_mixture_wants_more_than_one_source(name: str) -> None:
    values: dict[str, Any] = {"name": "x", "data": {"name": "synthetic"}}
    values["generator"] = {"name": "demucs"}
    values |= {"audio": {"sources": ["voice"]}, "losses": [{"name": name}]}
    with pytest.raises(ConfigError, match=r"losses\[0\]: expected 2 or more sources, .* got 1;"):
        build(RunConfig, values)
    with pytest.raises(ValueError, match="expected 2 or more sources"):
        loss(name)(torch.zeros(1, 1, 1, 100), torch.zeros(1, 1, 1, 100))


def test_a_dissimilarity_without_a_best_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"beta: expected less than 1 / 3 with 4 sources"):
        dissimilarity.Config(beta=0.4)(torch.zeros(1, 4, 1, 100), torch.zeros(1, 4, 1, 100))
    with pytest.raises(ValueError, match=r"beta: expected \[0, 1\), got -1"):
        dissimilarity.Config(beta=-1)


def test_windows_without_meaning_are_refused() -> None:
    for stft, message in (
        ({"n_fft": 3}, "n_fft: expected an even"),
        ({"hop": 0}, "hop: expected 1 to n_fft / 2"),
        ({"n_fft": 64, "hop": 33}, "hop: expected 1 to n_fft / 2 = 32"),
    ):
        with pytest.raises(ConfigError, match=message):
            build(Component("losses").config_class("l2_freq"), {"stft": stft})
    with pytest.raises(ConfigError, match="n_ffts: expected one or more multiples of 4"):
        build(Component("losses").config_class("mr_stft"), {"n_ffts": [6]})
