"""Unpaired material: disjoint from pairs, and never a validation or test track."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.config.loader import build
from gan_sep.data.base import SPLITS, Track
from gan_sep.data.segments import PairedSegments, UnpairedSegments
from gan_sep.data.stem_folders import Config
from gan_sep.data.unpaired import Pools, Unpaired

AUDIO = AudioFormat(sample_rate=8000, channels=1, sources=("low", "high"))


class Constant(Track):
    """A track whose low source is its number and whose high source is its negative."""

    def __init__(self, name: str, number: float, num_samples: int = 100) -> None:
        self.name, self.number, self.num_samples = name, number, num_samples

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        length = self.stop(start, num_samples) - start
        return torch.tensor([self.number, -self.number])[:, None, None].expand(2, 1, length)


def songs(count: int, prefix: str = "song") -> list[Track]:
    return [Constant(f"{prefix} {number}", number) for number in range(1, count + 1)]


def write(path: Path, value: float = 0.1) -> None:
    audio_files.write(path, torch.full((1, 800), value), 8000)


def names(tracks: list[Track]) -> list[str]:
    return [track.name for track in tracks]


def pool_names(pools: Pools) -> set[str]:
    return {stem.track.name for pool in pools.stems for stem in pool}


@pytest.mark.parametrize(("set_aside", "count"), [(0.4, 4), (3, 3), (0.25, 2)])
def test_tracks_set_aside_leave_the_paired_list_and_fill_both_pools(
    set_aside: int | float, count: int
) -> None:
    train = songs(10)
    pools = Unpaired(set_aside=set_aside).build(AUDIO, train, [])
    assert len(pools.mixtures) == count
    assert sorted(names(pools.paired) + names(pools.mixtures)) == sorted(names(train))
    assert pool_names(pools) == set(names(pools.mixtures))
    assert [pool[0].source for pool in pools.stems] == [0, 1]


def test_the_seed_decides_which_tracks_are_set_aside() -> None:
    def drawn(seed: int) -> list[str]:
        return names(Unpaired(set_aside=3, seed=seed).build(AUDIO, songs(10), []).mixtures)

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(5)}) > 1


def test_folders_give_mixtures_and_stems_without_setting_tracks_aside(tmp_path: Path) -> None:
    write(tmp_path / "mixtures" / "party.wav", 0.5)
    write(tmp_path / "stems" / "low" / "tuba.flac", 0.1)
    write(tmp_path / "stems" / "high" / "flute.wav", 0.2)
    config = Unpaired(mixtures=tmp_path / "mixtures", stems=tmp_path / "stems")
    train = songs(2)
    pools = config.build(AUDIO, train, [])
    assert pools.paired == train
    segment = UnpairedSegments(pools.mixtures, pools.stems, 10, seed=0)[0]
    torch.testing.assert_close(segment.mixture, torch.full((1, 10), 0.5))
    torch.testing.assert_close(segment.stems[:, 0, 0], torch.tensor([0.1, 0.2]), atol=1e-4, rtol=0)


def test_without_folder_or_set_aside_all_training_tracks_are_paired_and_unpaired() -> None:
    train = songs(5)
    pools = Unpaired().build(AUDIO, train, [])
    assert pools.paired == pools.mixtures == train
    assert pool_names(pools) == set(names(train))


def test_a_mixture_is_never_paired_in_the_same_step_and_all_have_their_turn() -> None:
    pools = Unpaired().build(AUDIO, songs(6), [])
    paired = PairedSegments(pools.paired, 10, seed=3)

    def beside(position: int) -> set[str]:  # four pairs and two unpaired segments a step
        step = position // 2
        return {paired.track(item).name for item in range(4 * step, 4 * step + 4)}

    unpaired = UnpairedSegments(pools.mixtures, pools.stems, 10, 3, beside)
    drawn = [unpaired.mixture(position).name for position in range(60)]
    assert all(name not in beside(position) for position, name in enumerate(drawn))
    assert set(drawn) == set(names(pools.mixtures))
    segment = unpaired[7]
    number = unpaired.mixture(7).number  # type: ignore[attr-defined]
    assert number not in segment.stems.abs()  # its own stems do not stand beside it


def test_a_step_that_pairs_every_track_leaves_no_mixture() -> None:
    pools = Unpaired().build(AUDIO, songs(3), [])
    unpaired = UnpairedSegments(pools.mixtures, pools.stems, 10, 0, lambda _: names(pools.paired))
    with pytest.raises(ValueError, match=r"all 3 are paired in it; .* training\.batch_size"):
        unpaired.mixture(0)


def test_one_folder_and_tracks_set_aside_go_together(tmp_path: Path) -> None:
    write(tmp_path / "party.wav")
    pools = Unpaired(mixtures=tmp_path, set_aside=2).build(AUDIO, songs(5), [])
    assert names(pools.mixtures) == ["party"]
    assert len(pools.paired) == 3
    assert len(pool_names(pools)) == 2


def test_no_validation_or_test_track_can_ever_be_drawn(tmp_path: Path) -> None:
    """Every song of a real tree is a number; none drawn is a validation or test song's."""
    numbers = {"train": range(1, 9), "valid": range(10, 14), "test": range(20, 24)}
    for split, values in numbers.items():
        for value in values:
            for source in AUDIO.sources:
                write(tmp_path / split / f"song {value}" / f"{source}.wav", value)
    train, valid, test = (Config(root=tmp_path).build(AUDIO, split) for split in SPLITS)
    pools = Unpaired(set_aside=0.5).build(AUDIO, train, valid + test)
    segments = UnpairedSegments(pools.mixtures, pools.stems, 10, seed=0)
    seen = {
        round(float(value))
        for position in range(300)
        for value in (segments[position].mixture[0, 0] / 2, *segments[position].stems[:, 0, 0])
    }
    assert len(seen) == 4
    assert seen <= set(numbers["train"])
    assert not seen & {int(track.name.removeprefix("song ")) for track in pools.paired}


def test_a_held_out_track_in_any_pool_is_refused_by_name(tmp_path: Path) -> None:
    held_out = songs(1, "secret")
    write(tmp_path / "mixtures" / "SECRET 1.wav")
    write(tmp_path / "stems" / "low" / "secret 1.wav")
    write(tmp_path / "stems" / "high" / "flute.wav")
    with pytest.raises(ValueError, match=r"SECRET 1\.wav among the mixtures is a validation or"):
        Unpaired(mixtures=tmp_path / "mixtures", set_aside=2).build(AUDIO, songs(5), held_out)
    with pytest.raises(ValueError, match=r"secret 1\.wav among the stems is a validation or test"):
        Unpaired(stems=tmp_path / "stems", set_aside=2).build(AUDIO, songs(5), held_out)
    with pytest.raises(ValueError, match="song 1 among the training tracks is a validation or"):
        Unpaired(set_aside=2).build(AUDIO, songs(5), songs(1))


def test_a_held_out_track_in_a_pool_is_refused_by_file(tmp_path: Path) -> None:
    for source in AUDIO.sources:
        write(tmp_path / "test" / "song" / f"{source}.wav")
    held_out = Config(root=tmp_path).build(AUDIO, "test")
    (tmp_path / "mixtures").mkdir()
    (tmp_path / "mixtures" / "other name.wav").symlink_to(tmp_path / "test" / "song" / "low.wav")
    with pytest.raises(ValueError, match=r"other name\.wav among the mixtures is a validation"):
        Unpaired(mixtures=tmp_path / "mixtures", set_aside=2).build(AUDIO, songs(5), held_out)


def test_a_mixture_of_a_paired_track_is_refused(tmp_path: Path) -> None:
    for number in range(1, 6):
        write(tmp_path / f"song {number}.wav")
    with pytest.raises(ValueError, match="among the mixtures is a paired track"):
        Unpaired(mixtures=tmp_path, set_aside=2).build(AUDIO, songs(5), [])


@pytest.mark.parametrize(("set_aside", "taken"), [(5, 5), (1, 1), (0.1, 0), (0.95, 5), (9, 9)])
def test_too_many_or_too_few_set_aside_are_refused(set_aside: int | float, taken: int) -> None:
    with pytest.raises(ValueError, match=rf"unpaired\.set_aside: .* takes {taken} of 5 training"):
        Unpaired(set_aside=set_aside).build(AUDIO, songs(5), [])


def test_fields_that_make_no_pool_are_errors_that_name_the_field() -> None:
    folder = Path("folder")
    with pytest.raises(ValueError, match="set_aside: expected 0, since mixtures and stems both"):
        Unpaired(mixtures=folder, stems=folder, set_aside=2)
    with pytest.raises(ValueError, match=r"set_aside: expected a share below 1 .* got 1\.5"):
        Unpaired(set_aside=1.5)
    with pytest.raises(ValueError, match="batch_size: expected at least 0, got -1"):
        Unpaired(set_aside=2, batch_size=-1)
    with pytest.raises(ValueError, match="batch_size: expected at least 1 without tracks set as"):
        Unpaired(batch_size=0)


def test_yaml_tells_a_number_of_tracks_from_a_share() -> None:
    number = build(Unpaired, {"set_aside": 2}, "unpaired").set_aside
    assert isinstance(number, int)
    assert build(Unpaired, {"set_aside": 0.5}, "unpaired").set_aside == 0.5


def test_folders_of_another_layout_are_errors(tmp_path: Path) -> None:
    (tmp_path / "low").mkdir()
    with pytest.raises(ValueError, match=r"expected mixtures FILE\.wav directly .* found 'low'"):
        Unpaired(mixtures=tmp_path, set_aside=2).build(AUDIO, songs(5), [])
    with pytest.raises(ValueError, match=r"expected SOURCE/FILE\.wav, one folder for each"):
        Unpaired(stems=tmp_path, set_aside=2).build(AUDIO, songs(5), [])
    (tmp_path / "high").mkdir()
    with pytest.raises(ValueError, match=r"low: expected stems FILE\.wav, found no audio file"):
        Unpaired(stems=tmp_path, set_aside=2).build(AUDIO, songs(5), [])
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        Unpaired(mixtures=tmp_path / "absent", set_aside=2).build(AUDIO, songs(5), [])
