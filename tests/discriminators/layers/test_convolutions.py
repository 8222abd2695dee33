"""What holds for every discriminator of convolutions, and how several outputs become one."""

from typing import Any

import pytest
import torch
from scoring import scored
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.discriminators import (
    complex_stft,
    ensemble,
    multi_band,
    multi_period,
    multi_scale,
    spectrogram,
)
from gan_sep.discriminators.base import DiscriminatorOutput
from gan_sep.discriminators.layers.convolutions import Layer, SourceChains, joined

AUDIO = AudioFormat(16000, 2, ("drums", "bass", "vocals"))
VOICE = AudioFormat(16000, 1, ("voice",))
MODULES = (complex_stft, multi_band, multi_period, multi_scale, ensemble)
CHAINS = MODULES[:-1]
LAYING_OUT = (*CHAINS, spectrogram)  # ensemble leaves the layout to its members
each_discriminator = pytest.mark.parametrize(
    "config", [module.Config.tiny() for module in MODULES], ids=lambda c: type(c).__module__[23:]
)


def discriminator(config: Any, audio: AudioFormat = AUDIO) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = config.build(audio)
    return network


@each_discriminator
def test_one_pass_equals_one_network_per_source(config: Any) -> None:
    together, sources = discriminator(config), torch.randn(2, 3, 2, 1000)
    output = scored(together, sources)
    for k, name in enumerate(AUDIO.sources):
        alone = discriminator(config, AudioFormat(AUDIO.sample_rate, AUDIO.channels, (name,)))
        alone.load_state_dict({n: w.chunk(3)[k] for n, w in together.state_dict().items()})
        expected = scored(alone, sources[:, k : k + 1])
        torch.testing.assert_close(output.logits[:, k : k + 1], expected.logits)
        for feature, other in zip(output.features, expected.features, strict=True):
            torch.testing.assert_close(feature[:, k : k + 1], other)


@each_discriminator
def test_a_discriminator_get_only_its_own_source(config: Any) -> None:
    sources = torch.randn(2, 3, 2, 1000, requires_grad=True)
    scored(discriminator(config), sources).logits[:, 1].square().sum().backward()
    assert sources.grad is not None
    assert sources.grad[:, 1].abs().max() > 0
    assert sources.grad[:, [0, 2]].abs().max() == 0


@each_discriminator
def test_a_discriminator_learns_from_its_own_source_only(config: Any) -> None:
    network = discriminator(config)
    scored(network, torch.randn(2, 3, 2, 1000)).logits[:, 1].square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        own, others = weight.grad.chunk(3)[1], weight.grad.chunk(3)[::2]
        assert own.abs().max() > 0, name
        assert all(other.abs().max() == 0 for other in others), name


@each_discriminator
def test_a_score_does_not_depend_on_the_rest_of_the_batch(config: Any) -> None:
    network, sources = discriminator(config), torch.randn(3, 3, 2, 1000)
    torch.testing.assert_close(
        scored(network, sources).logits[1:2], scored(network, sources[1:2]).logits
    )


@each_discriminator
@pytest.mark.parametrize("num_samples", [1, 2, 997])
def test_every_sample_of_any_length_is_scored(config: Any, num_samples: int) -> None:
    sources = torch.randn(1, 3, 2, num_samples, requires_grad=True)
    scored(discriminator(config), sources).logits.square().sum().backward()
    assert sources.grad is not None
    assert (sources.grad != 0).all()


@each_discriminator
def test_gradients_are_finite_on_silence(config: Any) -> None:
    network, silence = discriminator(config), torch.zeros(2, 3, 2, 1000, requires_grad=True)
    scored(network, silence).logits.square().sum().backward()
    gradients = [silence.grad, *(p.grad for p in network.parameters())]
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in gradients)


@each_discriminator
def test_half_precision_discriminators_about_the_same(config: Any) -> None:
    network, sources = discriminator(config), torch.randn(1, 3, 2, 1000)
    with torch.autocast("cpu", torch.bfloat16):
        inside = scored(network, sources)
    torch.testing.assert_close(
        inside.logits.float(), scored(network, sources).logits, atol=0.02, rtol=0
    )


@each_discriminator
def test_a_seed_gives_the_same_discriminator_and_a_signal_the_same_output(config: Any) -> None:
    sources = torch.randn(1, 3, 2, 1000)
    outputs = [scored(discriminator(config), sources) for _ in range(2)]
    assert torch.equal(outputs[0].logits, outputs[1].logits)


@pytest.mark.slow
@pytest.mark.parametrize("module", CHAINS)
def test_the_default_discriminator_learns_to_tell_noise_from_tones(module: Any) -> None:
    network = discriminator(module.Config(), VOICE)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2, betas=(0.5, 0.9))
    tones = 0.5 * torch.sin(torch.arange(1000) * 0.3).expand(4, 1, 1, 1000)
    for _ in range(40):
        noise = 0.3 * torch.randn(4, 1, 1, 1000)
        real, fake = scored(network, tones).logits, scored(network, noise).logits
        loss = (real - 0.9).square().mean() + (fake - 0.1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    noise = 0.3 * torch.randn(4, 1, 1, 1000)
    margin = scored(network, tones).scores() - scored(network, noise).scores()
    assert (margin > 0.3).all()


@pytest.mark.parametrize("module", LAYING_OUT)
@pytest.mark.parametrize("shape", [(1, 3, 2, 0), (3, 2, 1000)])
def test_signals_without_samples_or_axes_are_refused(module: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected sources .* at least one sample, got shape"):
        scored(discriminator(module.Config.tiny()), torch.zeros(shape))


@pytest.mark.parametrize("module", LAYING_OUT)
def test_a_mono_view_get_the_mean_of_the_channels(module: Any) -> None:
    network = discriminator(module.Config(layout="mono"))
    left, right = torch.randn(2, 1, 3, 1, 500).unbind()
    exchanged = scored(network, torch.cat([right, left], 2)).logits
    torch.testing.assert_close(scored(network, torch.cat([left, right], 2)).logits, exchanged)
    assert not torch.allclose(scored(network, torch.cat([left, -right], 2)).logits, exchanged)


@pytest.mark.parametrize("module", LAYING_OUT)
def test_mid_and_side_of_mono_are_refused(module: Any) -> None:
    with pytest.raises(ValueError, match=r"layout: mid_side needs stereo, got audio.channels 1"):
        module.Config(layout="mid_side").build(VOICE)


@pytest.mark.parametrize("module", LAYING_OUT)
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": 0}, "channels: expected at least 1, got 0"),
        ({"layers": 0}, "layers: expected at least 1, got 0"),
    ],
)
def test_impossible_sizes_are_refused(module: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module.Config(**fields)


def reach(config: Any) -> int:
    """Samples between the first and the last that the middle logit of a voice depends on."""
    signal = torch.randn(1, 1, 1, 40000, requires_grad=True)
    logits = scored(discriminator(config, VOICE), signal).logits[0, 0]
    (gradient,) = torch.autograd.grad(logits[len(logits) // 2], signal)
    (given,) = gradient[0, 0, 0].nonzero(as_tuple=True)
    return int(given[-1] - given[0]) + 1


# Rows, positions or frames: 1 for the verdict's centre, and (kernel - 1) * what the strides of the
# layers before multiply to, for every layer.
@pytest.mark.parametrize(
    ("config", "samples"),
    [
        (multi_period.Config(periods=(2,)), 510 * 2 + 1),
        (multi_period.Config(periods=(11,)), 510 * 11 + 1),
        (multi_scale.Config(scales=1), 2047),
        (complex_stft.Config(n_ffts=(256,)), 256 + 14 * 128 - 1),  # a window begins with a zero
        (complex_stft.Config(n_ffts=(1024,)), 1024 + 14 * 512 - 1),
        (multi_band.Config(splits=()), 1024 + 14 * 512 - 1),
    ],
    ids=str,
)
def test_receptive_fields_are_the_documented_ones(config: Any, samples: int) -> None:
    assert reach(config) == samples


@pytest.mark.parametrize(
    ("config", "number"),
    [
        (multi_period.Config(), 2572),
        (multi_scale.Config(), 14946),
        (complex_stft.Config(), 3332),
        (multi_band.Config(), 8330),
        (spectrogram.Config(), 174513),
        (ensemble.Config(), 177085),
    ],
    ids=lambda value: type(value).__module__[23:],
)
def test_parameters_of_a_mono_discriminator_are_as_many_as_documented(
    config: Any, number: int
) -> None:
    assert sum(weight.numel() for weight in discriminator(config, VOICE).parameters()) == number


@pytest.mark.parametrize(
    ("config", "samples"),
    [
        (spectrogram.Config(n_fft=512, hop=128, mel_bands=32), 512),
        (complex_stft.Config(n_ffts=(256, 128)), 256),
        (multi_band.Config(n_ffts=(128, 512)), 512),
        (multi_period.Config(periods=(7, 2)), 7 * 15),
        (multi_scale.Config(scales=3), 4 * 15),
        (ensemble.Config((multi_scale.Config(scales=1), multi_period.Config(periods=(2,)))), 30),
    ],
    ids=lambda value: type(value).__module__[23:],
)
def test_a_window_is_the_longest_stretch_that_a_discriminator_takes_in_at_once(
    config: Any, samples: int
) -> None:
    assert config.window == samples


def test_positions_are_divided_by_the_strides_and_rounded_up() -> None:
    discriminators = SourceChains(
        2, 3, [Layer(4, (7, 1), (4, 1)), Layer(5, (3, 3), (2, 2))], (3, 1)
    )
    logits, features = discriminators(torch.randn(1, 6, 13, 5))
    assert [feature.shape for feature in features] == [(1, 2, 4, 4, 5), (1, 2, 5, 2, 3)]
    assert logits.shape == (1, 2, 2, 3)


def output(*logits: float) -> DiscriminatorOutput:
    values = torch.tensor(logits).float().reshape(1, 1, -1)
    return DiscriminatorOutput(values, [values[..., :1]])


def test_joined_output_repeat_their_logits_up_to_the_same_number() -> None:
    both = joined([output(1, 2, 3, 4), output(10, 20), output(100)])
    expected = [1, 2, 3, 4, 10, 10, 20, 20, 100, 100, 100, 100]
    torch.testing.assert_close(both.logits, torch.tensor(expected).float().reshape(1, 1, -1))
    assert [feature.item() for feature in both.features] == [1, 10, 100]


def test_joined_output_have_the_same_say() -> None:
    one = torch.zeros(1, 1, 7, requires_grad=True)
    other = torch.zeros(1, 1, 5, 2, requires_grad=True)
    joined([DiscriminatorOutput(one, []), DiscriminatorOutput(other, [])]).scores().sum().backward()
    for logits in (one, other):
        assert isinstance(logits.grad, Tensor)
        assert logits.grad.sum().item() == pytest.approx(0.5)
        assert logits.grad.min() > 0
