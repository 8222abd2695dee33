"""What cannot fit into the machine is refused before it is made."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from conftest import MakeExperiment

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component
from gan_sep.training import memory
from gan_sep.training.memory import require_batches_fit, require_networks_fit

CPU = torch.device("cpu")
MIB = 2**20


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory", lambda device: MIB)


@pytest.mark.parametrize("key", ["generator", "discriminator"])
def test_networks_are_counted_without_making_them(
    make_experiment: MakeExperiment, key: str
) -> None:
    require_networks_fit(make_experiment(), CPU)
    config = make_experiment(f"{key}.channels=4096")  # weights of half a terabyte, or ten gigabytes
    with pytest.raises(ValueError, match=rf"^{key}: weights of these sizes take at least .* GiB"):
        require_networks_fit(config, CPU)


DISCRIMINATORS = Component("discriminators")


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_discriminators_are_counted_whatever_their_options(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(memory, "total_memory", lambda device: 2**40)
    network: Any = DISCRIMINATORS.config_class(name)
    config, tiny = make_experiment(), network.tiny()
    options = [field.name for field in fields(tiny) if isinstance(getattr(tiny, field.name), bool)]
    for option in options:
        changed = replace(tiny, **{option: not getattr(tiny, option)})
        require_networks_fit(replace(config, discriminator=changed), CPU)
    assert name == "ensemble" or "spectral_norm" in options


def test_a_batch_and_what_is_read_ahead_are_counted() -> None:
    audio = AudioFormat(8000, 1, ("low", "high"))
    require_batches_fit("batch_size", 8, 1.0, audio, CPU, ahead=2)  # 0.5 MiB a batch
    with pytest.raises(
        ValueError, match="batch_size: 9 segments of 1 s at once, of 2 sources, tak"
    ):
        require_batches_fit("batch_size", 9, 1.0, audio, CPU, ahead=0)
    with pytest.raises(ValueError, match=r"workers: 3 batches read ahead take at least 0\.0014"):
        require_batches_fit("batch_size", 8, 1.0, audio, CPU, ahead=3)
