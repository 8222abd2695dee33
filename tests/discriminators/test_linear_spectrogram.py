"""The published discriminators of linear spectrograms: sizes, and each blind to other sources."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from scoring import scored
from torch import nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.linear_spectrogram import Config, LinearSpectrogramDiscriminator

STEREO = AudioFormat(44100, 2, ("drums", "bass", "vocals"))


def built(config: Config, audio: AudioFormat = STEREO) -> LinearSpectrogramDiscriminator:
    torch.manual_seed(0)
    network = config.build(audio)
    assert isinstance(network, LinearSpectrogramDiscriminator)
    return network


def test_the_default_has_the_published_sizes() -> None:
    network = built(Config(), AudioFormat(44100, 2, ("vocals",)))
    kernels = [tuple(m.weight.shape) for m in network.modules() if isinstance(m, nn.Conv2d)]
    widths = [2, 16, 32, 64, 128, 256, 512, 512, 512, 512]
    published = [(wide, narrow, 4, 4) for narrow, wide in pairwise(widths)]
    # 2049 bins and 259 frames end as 5 and 1: a dense layer of 5 * 512 inputs.
    assert kernels == [*published, (1024, 512, 5, 1), (32, 1024, 1, 1), (1, 32, 1, 1)]
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(18.0e6, rel=0.01)
    with torch.no_grad():
        output = scored(network, torch.randn(1, 1, 2, 258 * 1024))
    assert output.logits.shape == (1, 1, 1)
    assert [f.shape[-2:] for f in output.features[-2:]] == [(9, 2), (5, 1)]


def test_it_is_convolutions_and_dense_layers_of_magnitudes() -> None:
    network = built(Config(n_fft=64, hop=32, channels=2, layers=2, dense=(5,)))
    signal = torch.randn(1, 3, 2, 32 * 9)
    window = torch.hann_window(64)
    spectrum = torch.stft(
        signal[0].flatten(0, 1), 64, 32, window=window, pad_mode="constant", return_complex=True
    )
    magnitudes = spectrum.abs() / window.square().sum().sqrt()
    state = network.state_dict()
    for k in range(3):
        x = magnitudes[None, 2 * k : 2 * k + 2]  # (1, 2, 33, 10)
        w = {name: value.chunk(3)[k] for name, value in state.items()}
        x = F.conv2d(F.pad(x, (1, 1, 1, 2)), w["layers.0.0.weight"], w["layers.0.0.bias"], 2)
        x = F.leaky_relu(x, 0.2)  # (1, 2, 17, 5)
        x = F.conv2d(F.pad(x, (1, 2, 1, 2)), w["layers.1.0.weight"], w["layers.1.0.bias"], 2)
        mean, deviation = x.mean(), x.var(unbiased=False).add(1e-5).sqrt()
        gain, bias = (w[f"layers.1.1.{name}"][:, None, None] for name in ("weight", "bias"))
        x = F.leaky_relu((x - mean) / deviation * gain + bias, 0.2)  # (1, 4, 9, 3)
        for n in range(3):
            column = x[0, :, :, n].flatten()
            hidden = w["dense.0.weight"].flatten(1) @ column + w["dense.0.bias"]
            logit = w["dense.1.weight"].flatten(1) @ F.leaky_relu(hidden, 0.2) + w["dense.1.bias"]
            torch.testing.assert_close(scored(network, signal).logits[0, k, n], logit[0])


@pytest.mark.parametrize("num_samples", [1, 255, 256, 257, 4000])
def test_any_length_has_one_logit_for_each_stretch_begun(num_samples: int) -> None:
    output = scored(built(Config.tiny()), torch.randn(2, 3, 2, num_samples))
    frames = 1 + math.ceil(num_samples / 32)
    assert output.logits.shape == (2, 3, math.ceil(frames / 2**3))


def test_a_discriminator_sees_only_its_own_source() -> None:
    sources = torch.randn(2, 3, 2, 4000, requires_grad=True)
    scored(built(Config.tiny()), sources).scores()[:, 1].sum().backward()
    assert sources.grad is not None
    assert sources.grad[:, 1].abs().max() > 0
    assert sources.grad[:, [0, 2]].abs().max() == 0


def test_it_tells_loud_from_quiet_noise_after_some_steps() -> None:
    network = built(Config.tiny())
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(1)
    for _ in range(60):
        loud, quiet = torch.randn(2, 4, 3, 2, 1000, generator=generator)
        real, fake = (scored(network, each).scores() for each in (loud, 0.1 * quiet))
        loss = (real - 0.9).square().mean() + (fake - 0.1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (real.min(0).values > fake.max(0).values).all()


@pytest.mark.parametrize("change", [{"most_channels": 0}, {"dense": (8, 0)}, {"hop": 4000}])
def test_sizes_that_make_no_network_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Config(**change)  # type: ignore[arg-type]
