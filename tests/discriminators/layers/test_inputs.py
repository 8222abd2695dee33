"""Layouts of a signal's channels, by hand."""

import pytest
import torch

from gan_sep.audio import AudioFormat
from gan_sep.discriminators.base import Layout
from gan_sep.discriminators.ensemble import Config as Several
from gan_sep.discriminators.layers.inputs import (
    Transform,
    discriminator_input,
    input_channels,
    is_conditioned,
    laid_out,
    waveform,
)
from gan_sep.discriminators.multi_scale import Config

STEREO = torch.tensor([[1.0, 0.5], [3.0, 0.5]]).reshape(1, 1, 2, 2)  # left, right


def paired(signals: torch.Tensor) -> torch.Tensor:
    """Two channels of each: (B, n, T) -> (B, 2n, T)."""
    return torch.stack([signals, -3 * signals], 2).flatten(1, 2)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("channels", [[1.0, 0.5], [3.0, 0.5]]),
        ("mono", [[2.0, 0.5]]),
        ("mid_side", [[2.0, 0.5], [-1.0, 0.0]]),
    ],
)
def test_each_layout_has_its_values_and_its_channels(
    layout: Layout, expected: list[list[float]]
) -> None:
    assert laid_out(STEREO, layout)[0, 0].tolist() == expected
    assert input_channels(Config(layout=layout), AudioFormat(channels=2)) == len(expected)


def test_the_side_of_equal_channels_is_silent_and_the_mid_is_either() -> None:
    channel = torch.randn(2, 3, 100)
    mid, side = laid_out(torch.stack([channel, channel], 2), "mid_side").unbind(2)
    assert torch.equal(mid, channel)
    assert side.abs().max() == 0


@pytest.mark.parametrize("layout", ["channels", "mono"])
def test_mono_is_given_as_it_is(layout: Layout) -> None:
    signal = torch.randn(2, 3, 1, 100)
    assert torch.equal(laid_out(signal, layout), signal)
    assert input_channels(Config(layout=layout), AudioFormat(channels=1)) == 1


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("channels", [[1.0, 0.5], [3.0, 0.5], [2.0, 8.0], [4.0, 6.0]]),
        ("mono", [[2.0, 0.5], [3.0, 7.0]]),
        ("mid_side", [[2.0, 0.5], [-1.0, 0.0], [3.0, 7.0], [-1.0, 1.0]]),
    ],
)
def test_a_conditioned_discriminator_get_the_mixture_in_the_same_view_beside_its_source(
    layout: Layout, expected: list[list[float]]
) -> None:
    mixture = torch.tensor([[[2.0, 8.0], [4.0, 6.0]]])  # (1, C, T)
    config = Config(layout=layout, conditioned=True)
    assert discriminator_input(STEREO, mixture, config).side_by_side()[0].tolist() == expected
    assert input_channels(config, AudioFormat(channels=2)) == len(expected)
    alone = discriminator_input(STEREO, mixture, Config(layout=layout)).side_by_side()
    assert torch.equal(alone, laid_out(STEREO, layout)[:, 0])


@pytest.mark.parametrize("transform", [waveform, paired])
def test_every_discriminator_get_its_own_source_and_the_mixture_transformed_alike(
    transform: Transform,
) -> None:
    sources, mixture = torch.randn(2, 3, 2, 10), torch.randn(2, 2, 10)
    together = discriminator_input(sources, mixture, Config(conditioned=True)).side_by_side(
        transform
    )
    for k, scored in enumerate(together.chunk(3, 1)):
        source, context = scored.chunk(2, 1)
        assert torch.equal(source, transform(sources[:, k]))
        assert torch.equal(context, transform(mixture))


def test_every_discriminator_can_have_a_mixture_of_its_own() -> None:
    sources, mixtures = torch.randn(2, 2, 3, 2, 10).unbind()
    together = discriminator_input(sources, mixtures, Config(conditioned=True)).side_by_side(paired)
    for k, scored in enumerate(together.chunk(3, 1)):
        source, context = scored.chunk(2, 1)
        assert torch.equal(source, paired(sources[:, k]))
        assert torch.equal(context, paired(mixtures[:, k]))


def test_a_discriminator_get_mixtures_where_any_of_its_members_does() -> None:
    for conditioned in (False, True):
        config = Several((Config(), Config(conditioned=conditioned)))
        assert is_conditioned(config.build(AudioFormat())) is conditioned


@pytest.mark.parametrize("conditioned", [False, True])
def test_a_mixture_of_another_shape_is_refused(conditioned: bool) -> None:
    config = Config(conditioned=conditioned)
    with pytest.raises(ValueError, match=r"the mixture \(1, 2, 2\) of .* got shape \(1, 2, 3\)"):
        discriminator_input(STEREO, torch.zeros(1, 2, 3), config)
