"""The spectrogram discriminators: one pass for all sources, each blind to the others."""

import math
from typing import Any

import pytest
import torch
from scoring import scored
from torch import nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.spectrogram import Config, SpectrogramDiscriminator

AUDIO = AudioFormat(16000, 2, ("drums", "bass", "vocals"))
TINY = Config.tiny()


def discriminator(audio: AudioFormat = AUDIO, config: Config = TINY) -> SpectrogramDiscriminator:
    torch.manual_seed(0)
    network = config.build(audio)
    assert isinstance(network, SpectrogramDiscriminator)
    return network


def discriminator_alone(together: SpectrogramDiscriminator, k: int) -> SpectrogramDiscriminator:
    """A discriminator of one discriminator with the weights of discriminator k."""
    S = len(AUDIO.sources)
    alone = discriminator(AudioFormat(AUDIO.sample_rate, AUDIO.channels, (AUDIO.sources[k],)))
    weights = {name: w.chunk(S)[k] for name, w in together.state_dict().items()}
    alone.load_state_dict(weights)
    return alone


def test_one_pass_equals_one_network_per_source() -> None:
    together = discriminator()
    sources = torch.randn(2, 3, 2, 4000)
    output = scored(together, sources)
    for k in range(3):
        alone = scored(discriminator_alone(together, k), sources[:, k : k + 1])
        torch.testing.assert_close(output.logits[:, k : k + 1], alone.logits)
        for feature, expected in zip(output.features, alone.features, strict=True):
            torch.testing.assert_close(feature[:, k : k + 1], expected)


def test_a_discriminator_sees_only_its_own_source() -> None:
    sources = torch.randn(2, 3, 2, 4000, requires_grad=True)
    scored(discriminator(), sources).scores()[:, 1].sum().backward()
    assert sources.grad is not None
    assert sources.grad[:, 1].abs().max() > 0
    assert sources.grad[:, [0, 2]].abs().max() == 0


def test_a_score_does_not_depend_on_the_rest_of_the_batch() -> None:
    network, sources = discriminator(), torch.randn(3, 3, 2, 4000)
    torch.testing.assert_close(
        scored(network, sources).logits[1:2], scored(network, sources[1:2]).logits
    )


@pytest.mark.parametrize("num_samples", [1, 511, 512, 513, 4000])
def test_any_length_is_judged_with_one_logit_for_each_stretch_begun(num_samples: int) -> None:
    output = scored(discriminator(), torch.randn(2, 3, 2, num_samples))
    # A stretch is 2^2 frames, and there is one frame more than hops of 128 samples.
    stretches = math.ceil((1 + math.ceil(num_samples / 128)) / 4)
    assert output.logits.shape == (2, 3, stretches)
    assert [f.shape[:3] for f in output.features] == [(2, 3, 4), (2, 3, 8)]
    assert output.scores().shape == (2, 3)


def test_a_logit_get_78_frames_but_for_what_the_norms_say_of_the_rest() -> None:
    network = discriminator(
        AudioFormat(16000, 1, ("voice",)), Config(n_fft=256, hop=128, mel_bands=16)
    )
    for layer in network.layers:
        assert isinstance(layer, nn.Sequential)
        layer[1] = nn.Identity()
    signal = torch.randn(1, 1, 1, 40000, requires_grad=True)
    logits = scored(network, signal).logits[0, 0]
    (gradient,) = torch.autograd.grad(logits[len(logits) // 2], signal)
    (given,) = gradient[0, 0, 0].nonzero(as_tuple=True)
    assert given[-1] - given[0] + 1 == 256 + 77 * 128 - 1  # a window begins with a zero


def test_silence_lies_at_minus_one_and_a_full_scale_sine_near_one() -> None:
    network = discriminator(AudioFormat(16000, 1, ("voice",)))
    silence = network.spectrogram(torch.zeros(1, 1, 8000))
    torch.testing.assert_close(silence, torch.full_like(silence, -1.0))
    sine = torch.sin(2 * math.pi * 1000 / 16000 * torch.arange(8000)).reshape(1, 1, -1)
    loudest = network.spectrogram(sine)[..., 10:-10].amax(2)
    assert loudest.min() > 0.9
    assert loudest.max() < 1.1


def test_gradients_are_finite_on_silence() -> None:
    network, silence = discriminator(), torch.zeros(2, 3, 2, 4000, requires_grad=True)
    scored(network, silence).logits.square().sum().backward()
    gradients = [silence.grad, *(p.grad for p in network.parameters())]
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in gradients)


def test_initial_weights_are_those_of_dcgan() -> None:
    network = discriminator(config=Config(mel_bands=32, channels=16, layers=3, n_fft=1024, hop=256))
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    for convolution in convolutions:
        assert convolution.weight.mean().item() == pytest.approx(0, abs=3e-3)
        assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert convolution.bias is not None
        assert convolution.bias.abs().max() == 0
    gains = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.GroupNorm)])
    assert gains.mean().item() == pytest.approx(1, abs=0.01)
    assert gains.std().item() == pytest.approx(0.02, rel=0.3)


def test_spectrograms_keep_full_precision_under_autocast() -> None:
    network, sources = discriminator(), torch.randn(1, 6, 4000)
    with torch.autocast("cpu", torch.bfloat16):
        inside = network.spectrogram(sources)
    assert torch.equal(inside, network.spectrogram(sources))


def test_the_discriminator_learns_to_tell_noise_from_tones() -> None:
    network = discriminator()
    optimizer = torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.9))
    tones = torch.sin(torch.arange(4000) * 0.3).expand(4, 3, 2, 4000)
    for _ in range(40):
        noise = 0.5 * torch.randn(4, 3, 2, 4000)
        real, fake = scored(network, tones).logits, scored(network, noise).logits
        loss = (real - 0.9).square().mean() + (fake - 0.1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (scored(network, tones).scores() > 0.7).all()
    assert (scored(network, torch.randn(4, 3, 2, 4000) * 0.5).scores() < 0.3).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_fft": 255}, "n_fft: expected an even number"),
        ({"hop": 0}, "hop: expected 1 to"),
        ({"n_fft": 512, "hop": 257}, "hop: expected 1 to n_fft / 2 = 256, got 257"),
        ({"channels": 0}, "channels: expected at least 1"),
        ({"layers": 0}, "layers: expected at least 1"),
        ({"mel_bands": 40}, "mel_bands: expected a multiple of 2\\^layers = 16, got 40"),
        ({"mel_bands": 0}, "mel_bands: expected a multiple"),
    ],
)
def test_impossible_sizes_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**fields)


def test_more_mel_bands_than_the_fft_resolves_are_refused() -> None:
    with pytest.raises(ValueError, match="of 128 bands hold no frequency of an FFT of 256"):
        Config(n_fft=256, hop=128, mel_bands=128).build(AUDIO)
