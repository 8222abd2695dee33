"""Bleedless, fullness and logWMSE: by hand, by torchaudio, and by the package's own figure."""

import sys

import pytest
import torch
from torchaudio.transforms import AmplitudeToDB, MelScale

from gan_sep.evaluation.metrics.practice import bleedless, fullness, log_wmse

RATE = 44100


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_louder_estimate_bleeds_by_its_gain_and_lacks_nothing() -> None:
    references = noise(2, 2, RATE)
    louder = 10 ** (6 / 20) * references
    # The range of 80 dB moves with the gain, and no band of noise lies as deep.
    assert bleedless(references, louder, RATE).tolist() == pytest.approx([100 / 7] * 2, abs=0.2)
    assert fullness(references, louder, RATE).tolist() == pytest.approx([100] * 2, abs=0.2)
    assert fullness(louder, references, RATE).tolist() == pytest.approx([100 / 7] * 2, abs=0.2)
    assert bleedless(references, references, RATE).tolist() == [100, 100]


def test_values_are_those_of_torchaudio_s_mel_scale_and_decibels() -> None:
    references, estimates = noise(1, 2, 44032), noise(1, 2, 44032, seed=1)
    window = torch.hann_window(4096)
    mel = MelScale(512, RATE, n_stft=2049, norm="slaney", mel_scale="slaney")
    truth, estimate = (
        AmplitudeToDB("magnitude", top_db=80)(
            mel(
                torch.stft(
                    each[0], 4096, 1024, window=window, pad_mode="constant", return_complex=True
                ).abs()
            )
        )
        for each in (references, estimates)
    )
    off = estimate - truth
    expected = 100 / (1 + off[off > 0].mean()), 100 / (1 - off[off < 0].mean())
    found = [metric(references, estimates, RATE).item() for metric in (bleedless, fullness)]
    assert found == pytest.approx([each.item() for each in expected], rel=1e-4)


def test_log_wmse_has_the_package_s_printed_value_for_a_silent_target() -> None:
    pytest.importorskip("torch_log_wmse")
    mixture = torch.rand(1, 1, RATE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    references = torch.cat([torch.zeros_like(mixture), mixture])
    estimates = torch.cat([0.1 * mixture, mixture])
    values = log_wmse(references, estimates, RATE)
    assert values[0].item() == pytest.approx(18.42, abs=0.1)
    assert values[1] > 70


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_log_wmse", None)
    with pytest.raises(ImportError, match="pip install torch-log-wmse"):
        log_wmse(noise(1, 1, 1000), noise(1, 1, 1000), RATE)
