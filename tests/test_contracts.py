"""Every component file is held to its contract; a new file is found without being named here."""

import copy
import dataclasses
import importlib
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from scoring import conditioned, scored
from torch import nn

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component, ConfigError, build
from gan_sep.features.base import Features
from gan_sep.losses.base import ReconstructionLoss

FORMATS = [
    AudioFormat(8000, 1, ("voice", "music")),
    AudioFormat(16000, 2, ("drums", "bass", "other", "vocals")),
]
GENERATORS = Component("generators")
DISCRIMINATORS = Component("discriminators")
OPTIMIZERS = Component("optimizers")
LOSSES = Component("losses")
FEATURES = Component("features")
OBJECTIVES = Component("adversarial/objectives")
REGULARIZERS = Component("adversarial/regularizers")
BUILT = [GENERATORS, DISCRIMINATORS, LOSSES, FEATURES, OPTIMIZERS, OBJECTIVES, REGULARIZERS]


def walk(component: Component) -> Any:
    pairs = list(itertools.product(component.names(), FORMATS))
    return pytest.mark.parametrize(
        ("name", "audio"), pairs, ids=lambda v: v if isinstance(v, str) else f"{v.channels}ch"
    )


def tiny(component: Component, name: str, audio: AudioFormat) -> nn.Module:
    torch.manual_seed(0)
    config_class: Any = component.config_class(name)
    network: nn.Module = config_class.tiny().build(audio)
    return network


def tiny_conditioned(name: str, audio: AudioFormat) -> nn.Module:
    """A discriminator whose discriminators get the mixture too."""
    torch.manual_seed(0)
    config_class: Any = DISCRIMINATORS.config_class(name)
    network: nn.Module = conditioned(config_class.tiny()).build(audio)
    return network


def test_the_walk_finds_the_components() -> None:
    assert "demucs" in GENERATORS.names()
    assert "spectrogram" in DISCRIMINATORS.names()
    assert {"l1_time", "spectrogram"} <= set(LOSSES.names())
    assert {"music_vgg", "vggish", "tagger"} <= set(FEATURES.names())
    assert "adam" in OPTIMIZERS.names()
    assert {"synthetic", "musdb", "mir1k", "stem_folders"} <= set(Component("data").names())


@pytest.mark.parametrize("component", [*BUILT, Component("data")], ids=str)
def test_every_file_without_a_leading_role_is_a_component_with_a_frozen_config(
    component: Component,
) -> None:
    for name in component.names():
        config_class: Any = component.config_class(name)
        assert dataclasses.is_dataclass(config_class)
        params: Any = vars(config_class)["__dataclass_params__"]
        assert params.frozen
        assert config_class.__doc__
        assert importlib.import_module(
            f"gan_sep.{component.folder.replace('/', '.')}.{name}"
        ).__doc__


@pytest.mark.parametrize("component", BUILT, ids=str)
def test_every_default_configuration_can_be_built_from_its_name(component: Component) -> None:
    for name in component.names():
        assert build(component.config_class(name), {}) == component.config_class(name)()
        with pytest.raises(ConfigError, match="nonsense: unknown key"):
            build(component.config_class(name), {"nonsense": 1})


@walk(GENERATORS)
def test_a_generator_keeps_length_and_rank_for_any_length(name: str, audio: AudioFormat) -> None:
    generator = tiny(GENERATORS, name, audio)
    for batch, length in ((1, 1), (2, 997), (1, 4096)):
        mixture = torch.randn(batch, audio.channels, length)
        estimates = generator(mixture)
        assert estimates.shape == (batch, len(audio.sources), audio.channels, length)
        assert estimates.dtype == torch.float32


@walk(GENERATORS)
def test_a_generator_is_finite_on_silence_and_learns_in_every_weight(
    name: str, audio: AudioFormat
) -> None:
    generator = tiny(GENERATORS, name, audio)
    assert torch.isfinite(generator(torch.zeros(1, audio.channels, 2000))).all()
    generator(torch.randn(2, audio.channels, 4000)).abs().mean().backward()
    for parameter_name, parameter in generator.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@walk(GENERATORS)
def test_a_generator_treats_each_item_of_a_batch_alone(name: str, audio: AudioFormat) -> None:
    generator = tiny(GENERATORS, name, audio).eval()
    mixture = torch.randn(3, audio.channels, 3000)
    together = generator(mixture)
    for item in range(3):
        alone = generator(mixture[item : item + 1])
        torch.testing.assert_close(alone[0], together[item], rtol=1e-4, atol=1e-5)


@walk(GENERATORS)
def test_a_seed_gives_the_same_generator(name: str, audio: AudioFormat) -> None:
    first, second = (tiny(GENERATORS, name, audio).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


@walk(DISCRIMINATORS)
def test_a_discriminator_gives_logits_and_features_per_source(
    name: str, audio: AudioFormat
) -> None:
    discriminator = tiny(DISCRIMINATORS, name, audio)
    S = len(audio.sources)
    for batch, length in ((1, 2000), (3, 4111)):
        output = scored(discriminator, torch.randn(batch, S, audio.channels, length))
        assert output.logits.shape[:2] == (batch, S)
        assert output.scores().shape == (batch, S)
        assert all(feature.shape[:2] == (batch, S) for feature in output.features)


@walk(DISCRIMINATORS)
def test_a_discriminator_sees_its_own_source_and_segment_only(
    name: str, audio: AudioFormat
) -> None:
    discriminator = tiny(DISCRIMINATORS, name, audio).eval()
    S = len(audio.sources)
    sources = torch.randn(2, S, audio.channels, 3000)
    scores = scored(discriminator, sources).scores()
    changed = sources.clone()
    changed[0, 0] = torch.randn(audio.channels, 3000)
    others = torch.ones(2, S, dtype=torch.bool)
    others[0, 0] = False
    after = scored(discriminator, changed).scores()
    torch.testing.assert_close(after[others], scores[others], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(after[0, 0], scores[0, 0])


@walk(DISCRIMINATORS)
def test_a_discriminator_sees_the_mixture_if_and_only_if_the_discriminator_is_conditioned(
    name: str, audio: AudioFormat
) -> None:
    S = len(audio.sources)
    sources, mixture = torch.randn(2, S, audio.channels, 3000), torch.randn(2, audio.channels, 3000)
    changed = torch.stack([mixture[0], torch.randn(audio.channels, 3000)])  # of the second item
    plain = tiny(DISCRIMINATORS, name, audio)
    assert torch.equal(plain(sources, mixture).logits, plain(sources, changed).logits)
    discriminator = tiny_conditioned(name, audio)
    before, after = (
        discriminator(sources, mixture).scores(),
        discriminator(sources, changed).scores(),
    )
    torch.testing.assert_close(after[0], before[0], rtol=1e-5, atol=1e-6)
    assert (after[1] != before[1]).all()


@walk(DISCRIMINATORS)
def test_a_conditioned_discriminator_sees_no_other_source(name: str, audio: AudioFormat) -> None:
    discriminator = tiny_conditioned(name, audio)
    sources = torch.randn(1, len(audio.sources), audio.channels, 3000, requires_grad=True)
    mixture = torch.randn(1, audio.channels, 3000, requires_grad=True)
    discriminator(sources, mixture).scores()[0, 1].backward()
    assert sources.grad is not None
    assert mixture.grad is not None
    assert sources.grad[0, 1].abs().sum() > 0
    assert mixture.grad.abs().sum() > 0
    assert sources.grad[0, [k for k in range(len(audio.sources)) if k != 1]].abs().sum() == 0


@walk(DISCRIMINATORS)
def test_a_discriminator_has_finite_gradients_on_silence(name: str, audio: AudioFormat) -> None:
    discriminator = tiny(DISCRIMINATORS, name, audio)
    silence = torch.zeros(1, len(audio.sources), audio.channels, 3000, requires_grad=True)
    scored(discriminator, silence).scores().square().sum().backward()
    assert silence.grad is not None
    assert torch.isfinite(silence.grad).all()
    assert all(
        torch.isfinite(p.grad).all() for p in discriminator.parameters() if p.grad is not None
    )


def tiny_loss(name: str) -> ReconstructionLoss:
    config_class: Any = LOSSES.config_class(name)
    loss: ReconstructionLoss = config_class.tiny().build()
    return loss


@walk(LOSSES)
def test_a_loss_is_a_number_per_source_that_depends_on_every_item_and_channel(
    name: str, audio: AudioFormat
) -> None:
    loss, S = tiny_loss(name), len(audio.sources)
    sources = torch.randn(2, S, audio.channels, 1000)
    estimates = sources + 0.1 * torch.randn(2, S, audio.channels, 1000)
    before = loss(estimates, sources)
    assert before.shape == (S,)
    for item, channel in itertools.product(range(2), range(audio.channels)):
        changed = estimates.clone()
        changed[item, 0, channel] = torch.randn(1000)
        after = loss(changed, sources)
        assert after[0] > before[0]
        # The mask of one estimate is its share in all of them.
        assert torch.equal(after[1:], before[1:]) or name.endswith("_mask")


@walk(LOSSES)
def test_the_halves_of_a_batch_average_to_the_loss_of_the_whole(
    name: str, audio: AudioFormat
) -> None:
    loss = tiny_loss(name)
    estimates, sources = torch.randn(2, 4, len(audio.sources), audio.channels, 999).unbind()
    halves = zip(estimates.chunk(2), sources.chunk(2), strict=True)
    mean = torch.stack([loss(*half) for half in halves]).mean(0)
    torch.testing.assert_close(loss(estimates, sources), mean)


@walk(LOSSES)
def test_a_loss_is_lowest_near_the_sources_themselves(name: str, audio: AudioFormat) -> None:
    loss = tiny_loss(name)
    sources = torch.randn(1, len(audio.sources), audio.channels, 1000)
    best = loss(sources, sources)
    explained = (torch.zeros_like(sources), sources.roll(1, 1)) if name != "artefacts" else ()
    for worse in (*explained, torch.randn_like(sources)):
        assert (loss(worse, sources) > best).all()
    scale_free = loss(3 * sources, sources).allclose(best, atol=1e-3)
    for worse in (0.5 * sources, 2 * sources):
        assert scale_free or (loss(worse, sources) > best).all()


@walk(LOSSES)
def test_a_loss_has_finite_gradients_on_silence_and_at_equality(
    name: str, audio: AudioFormat
) -> None:
    loss, shape = tiny_loss(name), (1, len(audio.sources), audio.channels, 500)
    silence, faint, noise = torch.zeros(shape), 1e-6 * torch.randn(shape), torch.randn(shape)
    one_silent = noise.clone()
    one_silent[:, 0] = 0
    for start, sources in (
        (silence, silence),
        (silence, noise),
        (noise, silence),
        (noise, noise),
        (faint, noise),
        (noise, faint),
        (one_silent, one_silent),
        (noise, one_silent),
    ):
        estimates = start.clone().requires_grad_()
        value = loss(estimates, sources)
        (gradient,) = torch.autograd.grad(value.sum(), estimates)
        assert value.isfinite().all()
        assert gradient.isfinite().all()


@walk(LOSSES)
def test_a_loss_keeps_its_precision_where_the_rest_is_in_half(
    name: str, audio: AudioFormat
) -> None:
    loss = tiny_loss(name)
    estimates, sources = torch.randn(2, 1, len(audio.sources), audio.channels, 1000).unbind()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(estimates, sources)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(estimates, sources))


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_loss_refuses_shapes_that_differ(name: str) -> None:
    with pytest.raises(ValueError, match=r"\(B, S, C, T\), got \(2, 2, 2, 9\) and \(2, 2, 1, 9\)"):
        tiny_loss(name)(torch.zeros(2, 2, 2, 9), torch.zeros(2, 2, 1, 9))


def tiny_features(name: str) -> Features:
    config_class: Any = FEATURES.config_class(name)
    network: Features = config_class.tiny().build()
    return network


@pytest.mark.parametrize("name", FEATURES.names())
@pytest.mark.parametrize(
    ("rate", "channels", "length"), [(8000, 1, 1), (16000, 2, 20000), (44100, 2, 50000)]
)
def test_a_feature_network_takes_any_rate_and_length_and_keeps_items_apart(
    name: str, rate: int, channels: int, length: int
) -> None:
    network = tiny_features(name)
    waveform = torch.randn(3, channels, length)
    maps = network(waveform, rate)
    assert all(each.ndim == 4 and each.shape[0] == 3 for each in maps)
    for alone, together in zip(network(waveform[1:2], rate), maps, strict=True):
        torch.testing.assert_close(alone[0], together[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FEATURES.names())
def test_a_feature_network_is_frozen_and_passes_gradients_on(name: str) -> None:
    network = tiny_features(name)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    for waveform in (torch.randn(1, 2, 30000), torch.zeros(1, 2, 30000)):
        waveform.requires_grad_()
        sum(each.sum() for each in network(waveform, 44100)).backward()
        assert waveform.grad is not None
        assert waveform.grad.isfinite().all()
        assert (waveform.grad.abs().sum() > 0) == bool(waveform.abs().sum() > 0)


@pytest.mark.parametrize("name", FEATURES.names())
def test_a_feature_network_knows_a_sound_at_another_rate(name: str) -> None:
    """A low sine at two rates has nearly the same maps, one of another pitch has not."""
    network = tiny_features(name)

    def maps(rate: int, hz: float) -> torch.Tensor:
        time = torch.arange(2 * rate) / rate
        return network((0.5 * torch.sin(2 * torch.pi * hz * time))[None, None], rate)[2]

    one, same, other = maps(16000, 500), maps(44100, 500), maps(16000, 1500)
    assert (one - same).norm() < 0.1 * (one - other).norm()


@pytest.mark.parametrize("name", FEATURES.names())
def test_a_feature_network_refuses_what_is_no_batch_of_waveforms(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected a waveform \(B, C, T\), got shape \(2, 100\)"):
        tiny_features(name)(torch.zeros(2, 100), 16000)


@walk(DISCRIMINATORS)
def test_a_penalty_on_a_discriminator_gradient_reaches_its_weights(
    name: str, audio: AudioFormat
) -> None:
    discriminator = tiny(DISCRIMINATORS, name, audio)
    for level in (0.1, 0.0):
        discriminator.zero_grad()
        sources = level * torch.randn(2, len(audio.sources), audio.channels, 3000)
        sources.requires_grad_()
        scores = scored(discriminator, sources).scores()
        (slope,) = torch.autograd.grad(scores.sum(), sources, create_graph=True)
        slope.square().sum().backward()
        gradients = [p.grad for p in discriminator.parameters() if p.grad is not None]
        assert all(torch.isfinite(gradient).all() for gradient in gradients)
        assert level == 0 or any(gradient.abs().max() > 0 for gradient in gradients)


def test_no_folder_holds_a_file_that_is_neither_component_nor_support() -> None:
    """A component without a class named Config would silently not exist."""
    package = Path(__file__).parents[1] / "gan_sep"
    for folder in ("generators", "discriminators", "losses", "features"):
        for path in (package / folder).glob("[a-z]*.py"):
            text = path.read_text()
            if "def build(" in text and path.stem != "base":
                assert path.stem in Component(folder).names()


def descend(optimizer: torch.optim.Optimizer, weight: nn.Parameter, steps: int) -> list[float]:
    """The loss before each step: a bowl down to 0, far steeper one way than the other."""

    def closure() -> float:
        optimizer.zero_grad()
        loss = (torch.tensor([1.0, 50.0]) * weight.square()).sum()
        loss.backward()
        return loss.item()

    return [optimizer.step(closure) for _ in range(steps)]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_an_optimizer_goes_downhill_and_on_from_its_saved_state(name: str) -> None:
    config: Any = OPTIMIZERS.config_class(name)(lr=0.1)
    weight = nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = config.build([("weight", weight)])
    first = descend(optimizer, weight, 3)
    assert first[0] > first[1] > first[2]
    resumed = nn.Parameter(weight.detach().clone())
    other = config.build([("weight", resumed)])
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert descend(other, resumed, 3) == descend(optimizer, weight, 3)
