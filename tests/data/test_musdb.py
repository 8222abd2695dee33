"""musdb: HQ's wav files as they are, stem files decoded once, official validation titles."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_sep import audio as audio_files
from gan_sep.audio import AudioFormat
from gan_sep.data import musdb as musdb_data
from gan_sep.data.musdb import SOURCES, Config
from gan_sep.data.validation import MUSDB18_VALIDATION

AUDIO = AudioFormat()


def write_wavs(folder: Path) -> None:
    for level, source in enumerate(("mixture", *SOURCES)):
        signal = torch.full((2, 100), level / 10)
        audio_files.write(folder / f"{source}.wav", signal, 44100, "PCM_16")


def tones() -> Tensor:
    """Five streams of half a second (5, C, T): the mixture and one tone per source."""
    time = torch.arange(22050) / 44100
    stems = [0.1 * torch.sin(2 * torch.pi * 220 * 2**k * time) for k in range(4)]
    stems = [sum(stems, torch.zeros(22050)), *stems]
    return torch.stack(stems)[:, None].expand(5, 2, -1)


@pytest.fixture(scope="module")
def stem_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .stem.mp4 of five lossless streams, made by ffmpeg."""
    folder = tmp_path_factory.mktemp("streams")
    inputs, maps = [], []
    for index, stem in enumerate(tones()):
        audio_files.write(folder / f"{index}.wav", stem, 44100, "PCM_16")
        inputs += ["-i", str(folder / f"{index}.wav")]
        maps += ["-map", f"{index}:a"]
    path = folder / "A - B.stem.mp4"
    command = ["ffmpeg", "-v", "error", *inputs, *maps, "-c:a", "alac", str(path)]
    subprocess.run(command, check=True)
    return path


def put(stem_file: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stem_file.read_bytes())


def test_hq_is_read_as_it_is_and_split_by_the_official_titles(tmp_path: Path) -> None:
    for title in (*MUSDB18_VALIDATION, "A - B"):
        write_wavs(tmp_path / "train" / title)
    write_wavs(tmp_path / "test" / "C - D")
    config = Config(root=tmp_path)
    assert [t.name for t in config.build(AUDIO, "train")] == ["A - B"]
    assert [t.name for t in config.build(AUDIO, "valid")] == sorted(MUSDB18_VALIDATION)
    [track] = config.build(AUDIO, "test")
    levels = track.read()[:, 0, 0]  # drums, bass, other, vocals
    np.testing.assert_allclose(levels, [0.1, 0.2, 0.3, 0.4], atol=1e-4)
    assert not tmp_path.with_name(f"{tmp_path.name}-flac").exists()


def test_official_titles_are_fourteen_and_all_of_them_are_needed(tmp_path: Path) -> None:
    assert len(set(MUSDB18_VALIDATION)) == 14
    write_wavs(tmp_path / "train" / "A - B")
    with pytest.raises(ValueError, match=r"validation track 'ANiMAL - Rockshow'.* and 6 more"):
        Config(root=tmp_path).build(AUDIO, "train")


def test_official_titles_are_those_of_the_musdb_package() -> None:
    musdb = pytest.importorskip("musdb")
    text = (Path(musdb.__path__[0]) / "configs" / "mus.yaml").read_text()
    assert all(f"'{title}'" in text for title in MUSDB18_VALIDATION)


def test_stem_files_are_decoded_once_to_the_streams_of_each_source(
    tmp_path: Path, stem_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stem_file, tmp_path / "set" / "test" / "A - B.stem.mp4")
    config = Config(root=tmp_path / "set")
    [track] = config.build(AUDIO, "test")
    assert track.name == "A - B"
    assert track.files[0] == tmp_path / "set-flac" / "test" / "A - B" / "drums.flac"
    np.testing.assert_allclose(track.read()[..., :22050], tones()[1:], atol=2e-4)
    monkeypatch.setattr(musdb_data, "_read_stem_file", lambda path: pytest.fail("decoded again"))
    config.build(AUDIO, "test")


def test_decoding_goes_on_where_it_was_interrupted(tmp_path: Path, stem_file: Path) -> None:
    cache = tmp_path / "cache"
    for title in ("A - B", "C - D"):
        put(stem_file, tmp_path / "set" / "test" / f"{title}.stem.mp4")
    (cache / "test" / ".A - B.1.partial").mkdir(parents=True)  # what a killed process leaves
    tracks = Config(root=tmp_path / "set", cache=cache).build(AUDIO, "test")
    assert [track.name for track in tracks] == ["A - B", "C - D"]


def test_a_process_that_decodes_second_keeps_the_first_ones_files(
    tmp_path: Path, stem_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "A - B"
    read = musdb_data._read_stem_file

    def read_while_another_finishes(path: Path) -> tuple[Tensor, int]:
        audio_files.write(folder / "drums.flac", torch.zeros(1, 7), 44100)
        return read(path)

    monkeypatch.setattr(musdb_data, "_read_stem_file", read_while_another_finishes)
    musdb_data.decode({"A - B": stem_file}, tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    assert [path.name for path in folder.iterdir()] == ["drums.flac"]


def test_a_corrupt_stem_file_is_named_and_leaves_no_track(tmp_path: Path) -> None:
    path = tmp_path / "set" / "test" / "A - B.stem.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no film")
    with pytest.raises(ValueError, match=r"A - B\.stem\.mp4: not readable as stems"):
        Config(root=tmp_path / "set").build(AUDIO, "test")
    assert list((tmp_path / "set-flac" / "test").iterdir()) == []


def test_another_number_of_streams_is_an_error(tmp_path: Path, stem_file: Path) -> None:
    fewer = tmp_path / "two.stem.mp4"
    maps = ["-map", "0:0", "-map", "0:1"]
    command = ["ffmpeg", "-v", "error", "-i", str(stem_file), *maps, "-c", "copy", str(fewer)]
    subprocess.run(command, check=True)
    with pytest.raises(ValueError, match=r"two\.stem\.mp4: expected 5 streams .*, got 2"):
        musdb_data.decode({"two": fewer}, tmp_path)


def test_a_cache_that_cannot_be_made_is_an_error_that_says_what_to_set(
    tmp_path: Path, stem_file: Path
) -> None:
    put(stem_file, tmp_path / "set" / "test" / "A - B.stem.mp4")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"data\.cache: cannot make the folder"):
        Config(root=tmp_path / "set", cache=tmp_path / "file" / "cache").build(AUDIO, "test")


def test_without_musdb_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "musdb", None)
    with pytest.raises(ImportError, match="pip install musdb, apt install ffmpeg"):
        musdb_data.decode({"A - B": tmp_path / "A - B.stem.mp4"}, tmp_path / "cache")


def test_other_sources_and_other_layouts_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"audio\.sources: data set musdb has the sources drums"):
        Config(root=tmp_path).build(AudioFormat(sources=("voice", "music")), "train")
    with pytest.raises(FileNotFoundError, match="train: no such folder"):
        Config(root=tmp_path).build(AUDIO, "train")
