"""Several discriminators as one: from the configuration and back, and each with the same weight."""

import pytest
import torch
from scoring import scored

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import ConfigError, build, to_dict
from gan_sep.discriminators import multi_period, multi_scale, spectrogram
from gan_sep.discriminators.ensemble import Config, Ensemble

AUDIO = AudioFormat(16000, 2, ("drums", "vocals"))
SECTION = {
    "members": [
        {"name": "spectrogram", "hop": 512},
        {"name": "multi_period", "periods": [2, 3], "layout": "mid_side"},
    ]
}


def test_members_are_sections_of_the_configuration() -> None:
    assert build(Config, SECTION) == Config(
        (spectrogram.Config(hop=512), multi_period.Config(periods=(2, 3), layout="mid_side"))
    )


def test_what_is_written_of_a_configuration_gives_it_again() -> None:
    config = build(Config, SECTION)
    values = to_dict(config)
    assert [member["name"] for member in values["members"]] == ["spectrogram", "multi_period"]
    assert build(Config, values) == config


def test_members_discriminator_one_after_the_other_with_the_same_say() -> None:
    torch.manual_seed(0)
    members = (spectrogram.Config.tiny(), multi_scale.Config.tiny())
    network = Config(members).build(AUDIO)
    assert isinstance(network, Ensemble)
    sources = torch.randn(2, 2, 2, 1500)
    both = scored(network, sources)
    one, other = (scored(member, sources) for member in network.members)
    halves = both.logits.chunk(2, 2)
    assert [set(half[0, 0].tolist()) for half in halves] == [
        set(each.logits[0, 0].tolist()) for each in (one, other)
    ]
    assert len(both.features) == len(one.features) + len(other.features)


def test_no_member_is_refused() -> None:
    with pytest.raises(ConfigError, match="members: expected at least one discriminator, got none"):
        build(Config, {"members": []})


def test_a_member_that_does_not_exist_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"members\[1\].name: no .* called 'multi_priod'"):
        build(Config, {"members": [{"name": "spectrogram"}, {"name": "multi_priod"}]})
