"""Whole songs through the systems: what is timed, and what memory is left out."""

import pytest
import torch

from benchmarks import separation, steps
from benchmarks.peers import package_network
from benchmarks.sections import SECTIONS
from benchmarks.separation import held, package_separating, separating
from benchmarks.settings import DEMUCS, HYBRIDS, QUICK, QUICK_SYSTEMS, Setting
from gan_sep.evaluation.scores import EvaluationSettings

CPU = torch.device("cpu")


def test_song_and_estimates_are_held_on_the_cpu_whatever_the_device() -> None:
    song, estimates = 2 * 4000, 4 * 2 * 4000
    assert held(QUICK, 2, CPU) == (song + estimates) * 4 / 2**20
    assert held(QUICK, 2, torch.device("cuda")) == 0


def test_a_song_is_separated_as_long_as_it_is() -> None:
    torch.manual_seed(0)
    estimates = separating(QUICK, EvaluationSettings(segment_seconds=0.5), 1.3, CPU)()
    assert isinstance(estimates, torch.Tensor)
    assert estimates.shape == (4, 1, 5200)
    assert estimates.std(-1).min() > 0


def test_every_system_separates_two_songs_and_memory_leaves_out_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(separation, "peak_memory", lambda build, device, turns: 100.0 * turns)
    table = SECTIONS["separation"](True, 1, CPU)
    assert len(table.rows) == len(QUICK_SYSTEMS)
    for row, setting in zip(table.rows, QUICK_SYSTEMS, strict=True):
        assert str(row["system"]).startswith(setting.name)
        assert row["real-time factor"] == float(row["2 s, s"]) / 2
        assert row["1 s, MiB beyond"] == 100 - held(setting, 1, CPU)
        assert row["2 s, MiB beyond"] == 100 - held(setting, 2, CPU)


@pytest.mark.parametrize("setting", [DEMUCS[0], *HYBRIDS[:2]], ids=str)
def test_the_packages_network_has_the_weights_of_ours(setting: Setting) -> None:
    with torch.device("meta"):
        ours = setting.generator.build(setting.audio)
        theirs = package_network(setting.generator, setting.audio)
    count = sum(parameter.numel() for parameter in ours.parameters())
    assert sum(parameter.numel() for parameter in theirs.parameters()) == count


def test_a_song_goes_through_the_package_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "peak_memory", lambda *_: 64.0)
    table = SECTIONS["package_separation"](True, 1, CPU)
    assert [row["pieces, s"] for row in table.rows] == [2, 2]
    for row in table.rows:
        assert float(row["gan_sep, s"]) > 0
        assert float(row["peer, s"]) > 0
    estimates = package_separating(QUICK, CPU, segment=1, seconds=1.3)()
    assert isinstance(estimates, torch.Tensor)
    assert estimates.shape == (1, 4, 1, 5200)
