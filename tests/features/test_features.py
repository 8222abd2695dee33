"""Feature networks: published weights and front ends, and files of weights that do not fit."""

import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from gan_sep.audio import AudioFormat
from gan_sep.data.synthetic import Config as Synthetic
from gan_sep.data.synthetic import Counts
from gan_sep.features import music_vgg, tagger, vggish
from gan_sep.features.layers.music_tagging import MusicTagging
from gan_sep.features.layers.tensorflow import read_checkpoint
from gan_sep.features.training import accuracy, subsets, train

RATE = 16000
Array = NDArray[np.float64]
needs_musicnn = pytest.mark.skipif(
    find_spec("musicnn") is None, reason="pip install --no-deps musicnn==0.1.0"
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def drums(seconds: int = 3) -> Tensor:
    """A kick every half second and a click between, (T,)."""
    signal, time = torch.zeros(seconds * RATE), torch.arange(3000)
    decay = torch.exp(-time / 600)
    for beat in range(4 * seconds):
        at = slice(beat * RATE // 4, beat * RATE // 4 + 3000)
        signal[at] += 0.3 * decay**3 * noise(3000, seed=beat)
        if beat % 2 == 0:
            signal[at] += 0.8 * decay * torch.sin(2 * torch.pi * 60 * time / RATE)
    return signal


def pad() -> Tensor:
    """A soft chord that swells for three seconds, (T,)."""
    time = torch.arange(3 * RATE) / RATE
    chord = sum(torch.sin(2 * torch.pi * hz * time) for hz in (220.0, 277.2, 329.6))
    return 0.03 * chord * (1 - torch.exp(-time))


# ---- music_vgg -----------------------------------------------------------------------------------


@needs_musicnn
@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (drums(), {"beat", "drums", "techno"}),
        (0.2 * noise(3 * RATE), {"loud", "rock", "metal"}),
        (pad(), {"quiet", "slow"}),
    ],
    ids=["drums", "noise", "pad"],
)
def test_music_vgg_tells_what_sounds(signal: Tensor, expected: set[str]) -> None:
    found = find_spec("musicnn")
    assert found is not None
    assert found.submodule_search_locations is not None
    text = (Path(found.submodule_search_locations[0]) / "configuration.py").read_text()
    labels: list[str] = eval(text.split("MTT_LABELS = ")[1].split("\n")[0])
    network = music_vgg.Config().build()
    assert isinstance(network, MusicTagging)
    best = network.logits(signal[None])[0].argsort(descending=True)[: len(expected)]
    assert {labels[place] for place in best} == expected


@needs_musicnn
@pytest.mark.parametrize("weights", ["mtt", "msd"])
def test_music_vgg_has_the_published_number_of_weights(weights: str) -> None:
    network = music_vgg.Config(weights=weights).build()  # type: ignore[arg-type]
    numbers = [p.numel() for p in network.parameters()]
    numbers += [b.numel() for name, b in network.named_buffers() if "running" in name]
    # The checkpoint counts two powers of its optimizer as well.
    assert sum(numbers) + 2 == 607_032
    maps = network(torch.zeros(1, 1, 3 * RATE), RATE)
    # One frame more than the 187 of the tags fits into 3 s.
    assert [tuple(each.shape[1:]) for each in maps] == [
        *[(128, 93, 48), (128, 46, 24), (128, 23, 12), (128, 11, 6)],
        (128, 2, 1),
    ]


def test_a_missing_musicnn_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music_vgg, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install --no-deps musicnn==0\.1\.0, or choose weig"):
        music_vgg.Config(seed=123).build()


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a checkpoint of TensorFlow, found none"):
        read_checkpoint(tmp_path)
    for name in (".index", ".data-00000-of-00001"):
        (tmp_path / name).write_bytes(bytes(100))
    with pytest.raises(ValueError, match="damaged or no index of a checkpoint"):
        read_checkpoint(tmp_path)


# ---- vggish --------------------------------------------------------------------------------------


def published_front_end(signal: Array) -> Array:
    """Frames, FFT and mel bands one by one, as the paper describes them -> (N, 64)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    starts = range(0, len(signal) - 399, 160)
    magnitudes = np.abs([np.fft.rfft(signal[s : s + 400] * window, 512) for s in starts])

    def mel(hz: float) -> float:
        return float(1127.0 * np.log(1 + hz / 700))

    edges = np.linspace(mel(125), mel(7500), 66)
    weights = np.zeros((257, 64))
    for k in range(1, 257):
        place = mel(k * 16000 / 512)
        for band in range(64):
            low, centre, high = edges[band : band + 3]
            up, down = (place - low) / (centre - low), (high - place) / (high - centre)
            weights[k, band] = max(0.0, min(up, down))
    return np.log(magnitudes @ weights + 0.01)


def test_vggish_has_the_published_front_end() -> None:
    signal = 0.1 * noise(2 * RATE)
    network = vggish.Vggish(1 / 16)
    found = network.front_end(signal[None])[0].flatten(0, 1)  # (192, 64)
    expected = published_front_end(signal.double().numpy())[:192]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


def test_vggish_has_the_published_names_and_shapes() -> None:
    state = vggish.Vggish().state_dict()
    assert list(state) == [
        f"features.{place}.{kind}" for place in (0, 3, 6, 8, 11, 13) for kind in ("weight", "bias")
    ]
    assert sum(each.numel() for each in state.values()) == 4_499_712
    shapes = [tuple(each.shape[1:]) for each in vggish.Vggish()(torch.zeros(1, 1, RATE), RATE)]
    assert shapes == [
        *[(64, 96, 64), (128, 48, 32), (256, 24, 16), (256, 24, 16)],
        *[(512, 12, 8), (512, 12, 8)],
    ]


# ---- weights from files --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_from_a_file_are_those_of_the_network(tmp_path: Path, suffix: str) -> None:
    network = vggish.Config(width=1 / 16, seed=5).network()
    path, state = tmp_path / f"weights{suffix}", network.state_dict()
    state["embeddings.0.weight"] = torch.zeros(3, 3)  # published files hold these too
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    again = vggish.Config(width=1 / 16, weights=path).build()
    signal = noise(1, 1, RATE)
    first, second = network(signal, RATE), again(signal, RATE)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)  # another order in memory


def test_a_frozen_tagging_network_has_the_maps_of_the_layers_as_they_are_written() -> None:
    network = tagger.Config(channels=8).network().eval()
    assert isinstance(network, MusicTagging)
    mel = 3 * torch.rand(2, 188, 96)
    for norm in network.norms:
        for values in norm.parameters():
            values.data.normal_()
    found, x = network.layers(mel), network.norms[0](mel[:, None])
    pools = [(4, 1, 2, 2), *[(2, 2, 2, 2)] * 3, (4, 4, 4, 4)]
    for conv, norm, pool, map_ in zip(
        network.convolutions, network.norms[1:], pools, found, strict=True
    ):
        x = torch.nn.functional.max_pool2d(norm(conv(x).relu()), pool[:2], pool[2:])
        torch.testing.assert_close(map_, x)


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.pth", "missing.pth: no such file"),
        ("code.pth", "holds more than tensors, which could run code"),
        ("text.pth", "text.pth: "),
        ("text.safetensors", "damaged or no file of weights"),
        ("list.pth", "expected tensors by name"),
        ("narrow.safetensors", r"convolutions.0.weight: expected shape \(8, 1, 3, 3\), got \(4, 1"),
        ("empty.safetensors", "expected shape .* got none"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, expected: str
) -> None:
    torch.save({"code": Code()}, tmp_path / "code.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_bytes(pickle.dumps("text"))
    (tmp_path / "text.safetensors").write_text("text")
    save_file(MusicTagging(4, 4).state_dict(), tmp_path / "narrow.safetensors")
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(ValueError, match=expected) as caught:
        tagger.Config(channels=8, weights=tmp_path / name).build()
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


# ---- tagger --------------------------------------------------------------------------------------


def test_a_sum_of_stems_says_which_of_them_sound() -> None:
    excerpts = torch.zeros(200, 2, 100)
    excerpts[:, 0] = 1  # the second stem is silent
    signals, sounding = subsets(excerpts, torch.Generator().manual_seed(0))
    assert not sounding[:, 1].any()
    assert ((signals.mean(1) > 0) == sounding[:, 0]).all()
    assert 70 < sounding[:, 0].sum() < 130
    assert 0.25 < signals[sounding[:, 0]].min() < signals.max() <= 1


@pytest.mark.slow
def test_a_trained_tagger_knows_stems_of_songs_it_has_not_met() -> None:
    audio = AudioFormat(RATE, 1, ("drums", "bass", "other", "vocals"))
    data = Synthetic(tracks=Counts(train=6, valid=2, test=1), seconds=6.0)
    size = tagger.Config(channels=8)
    tracks = data.build(audio, "train")
    network = train(size, tracks, audio, 60)
    again = train(size, tracks, audio, 1), train(size, tracks, audio, 1)
    assert torch.equal(again[0].dense.weight, again[1].dense.weight)
    shares = accuracy(network, data.build(audio, "valid"), audio)
    assert len(shares) == 4
    assert sum(shares) / 4 > 0.65
    with pytest.raises(ValueError, match="expected tracks and at least 1 step, got 0 and 5"):
        train(size, [], audio, 5)
