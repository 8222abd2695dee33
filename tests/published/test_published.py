"""Files of the package demucs, written by itself, read without it; exports, read by it."""

import hashlib
import json
import pathlib
from argparse import Namespace
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import MakeExperiment
from demucs.apply import BagOfModels, apply_model
from demucs.hdemucs import HDemucs
from demucs.hf import load_safetensors_model
from demucs.htdemucs import HTDemucs
from demucs.repo import AnyModelRepo, BagOnlyRepo, LocalRepo
from demucs.states import save_with_checksum, serialize_model
from generators.hybrid_oracle import relative_difference
from safetensors.torch import save_file

import gan_sep
from gan_sep.audio import AudioFormat
from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig
from gan_sep.generators import demucs, htdemucs
from gan_sep.published.bags import Bag, located, read_ensemble, read_model, read_single
from gan_sep.published.files import read_file
from gan_sep.published.write import export
from gan_sep.runs import RunFolder
from gan_sep.separator import load_separator
from gan_sep.training.checkpoint import CheckpointError
from gan_sep.training.loop import Run

RATE = 8000
SOURCES = ["drums", "bass", "other", "vocals"]


def transformer(seed: int = 0, **options: Any) -> Any:
    """A small HT Demucs of the package, whose transformer and residual branches count."""
    torch.manual_seed(seed)
    small: dict[str, Any] = {
        "channels": 8, "nfft": 256, "depth": 2, "dconv_comp": 2, "dconv_mode": 3, "t_layers": 2,
        "t_heads": 2, "bottom_channels": 16, "segment": Fraction(1, 2), "samplerate": RATE,
        "dconv_init": 0.5,
    }  # fmt: skip
    return HTDemucs(options.pop("sources", SOURCES), **(small | options))


def hybrid(seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    small = {"channels": 8, "nfft": 256, "depth": 4, "segment": 0.5, "samplerate": RATE}
    return HDemucs(options.pop("sources", SOURCES), **(small | options))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a model as the package does, SIGNATURE-CHECKSUM.th in half precision."""

    class Container:
        @staticmethod
        def to_container(values: Any, resolve: bool) -> Any:
            return values

    module: Any = type(pathlib)("omegaconf")  # what it asks for training arguments
    module.OmegaConf = Container
    monkeypatch.setitem(__import__("sys").modules, "omegaconf", module)

    def written(model: Any, signature: str = "955717e8") -> Path:
        package = serialize_model(model, {"optim": {"lr": 3e-4}, "seed": 1})
        save_with_checksum(package, tmp_path / f"{signature}.th")
        return next(tmp_path.glob(f"{signature}-*.th"))

    return written


def write_safetensors(model: Any, path: Path) -> Path:
    """As the package's hub repositories hold it."""

    def plain(value: Any) -> Any:
        if isinstance(value, Fraction):
            return {"_type": "fraction", "numerator": value.numerator,
                    "denominator": value.denominator}  # fmt: skip
        return value

    args, kwargs = model._init_args_kwargs
    metadata = {
        "klass": f"{type(model).__module__}.{type(model).__name__}",
        "args": json.dumps(args),
        "kwargs": json.dumps({key: plain(value) for key, value in kwargs.items()}),
    }
    save_file({k: v.half() for k, v in model.state_dict().items()}, path, metadata)
    return path


def halved(model: Any) -> Any:
    """The model with the weights that a file in half precision holds."""
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    return model


def normalised(model: Any, mixture: torch.Tensor, **how: Any) -> torch.Tensor:
    """What the package's command makes of a song (C, T)."""
    mono = mixture.mean(0)
    estimates = apply_model(model, ((mixture - mono.mean()) / mono.std())[None], shifts=0, **how)[0]
    return estimates * mono.std() + mono.mean()


@pytest.mark.parametrize("make", [transformer, hybrid])
@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
def test_a_published_file_separates_as_the_package_does(
    make: Any, suffix: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    published = halved(make())
    path = (
        write(published)
        if suffix == ".th"
        else write_safetensors(published, tmp_path / "955717e8.safetensors")
    )
    separator = gan_sep.load_separator(path)
    assert separator.audio == AudioFormat(RATE, 2, tuple(SOURCES))
    mixture = 0.1 * torch.randn(2, 13_000)
    found = separator.separate(mixture, RATE)
    expected = normalised(published, mixture)
    assert list(found) == SOURCES
    assert relative_difference(torch.stack(list(found.values())), expected) < 1e-4


def test_the_released_options_are_our_defaults() -> None:
    from gan_sep.published.options import network_of

    released = {"dconv_mode": 3, "bottom_channels": 512, "segment": 7.8, "t_dropout": 0.0}
    network = network_of("demucs.htdemucs.HTDemucs", [SOURCES], released)
    assert network == (htdemucs.Config(), AudioFormat(), 7.8)


@pytest.mark.parametrize("as_tuple", [True, False])
def test_versions_1_and_2_are_read(as_tuple: bool, tmp_path: Path) -> None:
    config = demucs.Config(channels=4, depth=2, resample=False, normalize=False)
    network = config.build(AudioFormat())
    klass = type("Demucs", (), {"__module__": "demucs.model"})
    state, kwargs = network.state_dict(), {"channels": 4, "depth": 2, "resample": False}
    args = (4,) if as_tuple else (SOURCES,)
    content: Any = (klass, args, kwargs, state)
    if not as_tuple:
        content = dict(zip(("klass", "args", "kwargs", "state"), content, strict=True))
        content["training_args"] = Namespace(lr=3e-4)
    module: Any = type(pathlib)("demucs.model")
    module.Demucs = klass
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "demucs.model", module)
        torch.save(content, tmp_path / "demucs.th")
    model = read_file(tmp_path / "demucs.th")
    assert model.said.generator == config
    assert model.said.audio == AudioFormat()
    mixture = torch.randn(1, 2, 3000)
    assert torch.equal(model.network()(mixture), network(mixture))


def test_a_bag_weighs_its_models_by_source(write: Callable[..., Path], tmp_path: Path) -> None:
    models = [halved(transformer(seed)) for seed in range(2)]
    for model, signature in zip(models, ("aaaa0000", "bbbb0000"), strict=True):
        write(model, signature)
    weights = [[1.0, 0.0, 0.5, 2.0], [0.0, 1.0, 1.5, 1.0]]
    bag = {"models": ["aaaa0000", "bbbb0000"], "weights": weights, "segment": 0.25}
    path = tmp_path / "both.yaml"
    path.write_text(yaml.safe_dump(bag))
    local = LocalRepo(tmp_path)
    with pytest.MonkeyPatch.context() as patch:  # its own reader asks for no such thing
        patch.setattr("demucs.states.torch.load", lambda path, *_, **__: load_anything(path))
        package = AnyModelRepo(local, BagOnlyRepo(tmp_path, local)).get_model("both")
    assert isinstance(package, BagOfModels)
    mixture = 0.1 * torch.randn(2, 5000)
    for named in (path, tmp_path):  # the folder holds one bag
        found = load_separator(named).separate(mixture, RATE)
        expected = normalised(package, mixture)
        assert relative_difference(torch.stack(list(found.values())), expected) < 1e-4


def load_anything(path: Path) -> Any:
    with path.open("rb") as file:
        return ORIGINAL_LOAD(file, "cpu", weights_only=False)


ORIGINAL_LOAD = torch.load


def test_a_file_as_a_folder_of_the_hub_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_safetensors(transformer(), tmp_path / "955717e8.safetensors")
    (tmp_path / "htdemucs.yaml").write_text("models: ['955717e8']")
    asked = []

    def download(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert read_single(Path("hf://someone/HTDemucs")).weights
    assert isinstance(read_ensemble(Path("hf://someone/HTDemucs")).network, Bag)
    assert asked == [("someone/HTDemucs", ["*.yaml", "*.safetensors"])] * 2

    def offline(name: str, allow_patterns: list[str]) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(CheckpointError, match=r"hf://a/b: cannot be downloaded .*no route.*folder"):
        located(Path("hf://a/b"))
    with pytest.raises(CheckpointError, match="expected hf://owner/name"):
        located(Path("hf://a"))


class Trap:
    """What a hostile file makes of its reader: a call."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def damaged(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A copy of a file without the checksum in its name, its content changed."""
    content = ORIGINAL_LOAD(path, "cpu", weights_only=False)
    change(content)
    other = path.with_name("changed.th")
    torch.save(content, other)
    return other


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(more=Trap()), r"found .*pathlib.*; nothing of it was executed"),
        (lambda c: c.update(klass=Namespace), r"expected a class as klass, found"),
        (lambda c: c.pop("state"), "expected class, arguments and state"),
        (
            lambda c: c["kwargs"].update(cac=False),
            "expected cac=True of a demucs.htdemucs.HTDemucs",
        ),
        (
            lambda c: c["kwargs"].update(t_sparse_self_attn=True),
            "expected t_sparse_self_attn=False",
        ),
        (lambda c: c["kwargs"].update(channels="many"), "expected a number or truth value of chan"),
        (lambda c: c["kwargs"].update(segment=Fraction(10**15)), "expected a fraction|cannot be"),
        (lambda c: c["state"].update(__quantized=True), "found packed ones"),
        (lambda c: c["state"].update(bias=3), "expected named tensors"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(
    change: Any, message: str, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(write(transformer()), change)
    monkeypatch.chdir(path.parent)
    with pytest.raises(CheckpointError, match=rf"changed\.th: .*({message})") as raised:
        read_file(path)
    assert "\n" not in str(raised.value)
    assert not Path("executed").exists()


def test_weights_that_are_not_of_the_named_network_are_named(write: Callable[..., Path]) -> None:
    path = damaged(write(transformer()), lambda c: c["kwargs"].update(channels=16))
    with pytest.raises(CheckpointError, match=r"channel_downsampler\.bias: expected \(32,\), f"):
        read_file(path).network()


def test_half_a_file_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    whole = write(transformer())
    half = whole.read_bytes()[: whole.stat().st_size // 2]
    whole.write_bytes(half)
    found = rf"expected the checksum in its name, .*, found \w+ of its {len(half)} bytes; it is dam"
    with pytest.raises(CheckpointError, match=found):
        read_file(whole)
    (tmp_path / "half.th").write_bytes(half)
    with pytest.raises(CheckpointError, match=rf"half\.th: expected .*, found {len(half)} bytes"):
        read_file(tmp_path / "half.th")
    path = write_safetensors(transformer(), tmp_path / "half.safetensors")
    content = path.read_bytes()
    for kept, said in ((50_000, rf"{len(content)} bytes, as its header says"), (100, "a header")):
        path.write_bytes(content[:kept])
        with pytest.raises(CheckpointError, match=rf"half\..*: expected {said}, found {kept} byt"):
            read_file(path)
    (tmp_path / "page.th").write_text("<html>Not found</html>")
    with pytest.raises(
        CheckpointError, match=r"page\.th: expected a .*, found 22 bytes of another"
    ):
        read_file(tmp_path / "page.th")
    with pytest.raises(CheckpointError, match=r"nowhere\.th: no such file"):
        read_file(tmp_path / "nowhere.th")
    (tmp_path / "half.pth").write_bytes(half)
    with pytest.raises(CheckpointError, match=r"expected a file ending in .*s, found \.pth"):
        read_file(tmp_path / "half.pth")


@pytest.mark.parametrize(
    ("bag", "message"),
    [
        ("models: [nothere0]", r"bag\.yaml: models: expected nothere0\.safetensors, .*found none"),
        ("models: []", r"bag\.yaml: models: expected at least one"),
        ("model: [aaaa0000]", r"bag\.yaml: model: unknown key; did you mean 'models'"),
        ("{models: [aaaa0000], weights: [[1, 1]]}", r"weights\[0\]: expected 4, of drums, bass"),
        ("{models: [aaaa0000], weights: [[1, 1, 1, 0]]}", "one above 0 for vocals"),
        ("models: [aaaa0000, slow0000]", r"slow0000-.*\.th: sample_rate: expected 8000, as in .*"),
        ("models: [aaaa0000, mono0000]", r"mono0000-.*\.th: channels: expected 2, as in .*found 1"),
        ("models: [aaaa0000, five0000]", r"five0000-.*sources: expected drums, bass, other, voc"),
    ],
)
def test_a_bad_bag_is_one_line(
    bag: str, message: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    write(transformer(), "aaaa0000")
    write(transformer(samplerate=4000), "slow0000")
    write(transformer(audio_channels=1), "mono0000")
    write(transformer(sources=[*SOURCES, "piano"]), "five0000")
    (tmp_path / "bag.yaml").write_text(bag)
    with pytest.raises(CheckpointError, match=message) as raised:
        read_ensemble(tmp_path / "bag.yaml")
    assert "\n" not in str(raised.value)


def test_a_run_is_exported_and_read_again(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    config = make_experiment("evaluation.shifts=2").plain
    Run(config, "plain").train()
    run = RunFolder.of(config, "plain").folder
    export(read_model(run), tmp_path / "out", "mine")
    mixture = torch.randn(1, 9000)
    expected = load_separator(run).separate(mixture, RATE)
    for path in (tmp_path / "out", tmp_path / "out" / "mine.safetensors"):
        found = load_separator(path).separate(mixture, RATE)
        assert all(torch.equal(found[source], expected[source]) for source in expected)
    (tmp_path / "bag.yaml").write_text(f"models: [{run}, out/mine.safetensors]")  # runs in a bag
    found = load_separator(tmp_path / "bag.yaml").separate(mixture, RATE)
    assert all(torch.allclose(found[source], expected[source], atol=1e-6) for source in expected)
    with pytest.raises(CheckpointError, match=r"expected one model, found a bag of 2; name one of"):
        read_single(tmp_path / "bag.yaml")
    changed = load_separator(run, changes={"shifts": 0})
    assert changed.how.shifts == 0


def test_the_package_reads_our_export(write: Callable[..., Path], tmp_path: Path) -> None:
    published = halved(transformer())
    (path, _) = export(read_file(write(published)), tmp_path / "out", "again")
    again = load_safetensors_model(path)
    mixture = torch.randn(1, 2, 2000)
    with torch.no_grad():
        assert torch.equal(again.eval()(mixture), published.eval()(mixture))
    assert hashlib.sha256(path.read_bytes()).digest()  # a file, whole


def published_start(experiment: Path, path: Path, *overrides: str) -> RunConfig:
    network = (
        "generator={name: htdemucs, channels: 8, n_fft: 256, depth: 2, compression: 2, heads: 2,"
        "transformer_layers: 2, bottom_channels: 16, segment_seconds: 0.5}"
    )
    audio = f"audio={{sample_rate: {RATE}, channels: 1, sources: [low, high]}}"
    return load(RunConfig, experiment, [network, audio, f"start.file={path}", *overrides])


@pytest.mark.parametrize("other", [[], ["generator.dropout=0.1"], ["generator.query_block=64"]])
def test_a_run_starts_from_a_published_file(
    other: list[str],
    experiment_file: Path,
    write: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    published = halved(transformer(sources=["low", "high"], audio_channels=1))
    path = write(published)
    run = Run(published_start(experiment_file, path, *other), "gan")
    run._begin()
    own = run.learners.generator.network.state_dict()
    assert all(torch.equal(own[name], value) for name, value in published.state_dict().items())
    assert f"{len(own)} of {len(own)} weights taken" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "overrides", "message"),
    [
        ({}, ["start.match=strict"], "sources: expected low, high, as in audio, found drums"),
        ({"sources": ["high", "low"]}, ["start.match=shapes"], "sources: expected low, high, as"),
        ({"sources": ["low", "high"]}, [], "channels: expected 1, as in audio, found 2"),
        ({"sources": ["low", "high"], "audio_channels": 1, "samplerate": 44100}, [],
         "sample_rate: expected 8000, as in audio, found 44100"),
        ({"sources": ["low", "high"], "audio_channels": 1, "t_heads": 4}, [],
         r"generator.heads: expected 2, as configured, found 4; .*start.match=shapes"),
    ],
)  # fmt: skip
def test_a_start_of_other_signals_or_options_is_refused(
    options: Any, overrides: list[str], message: str, experiment_file: Path, write: Any
) -> None:
    path = write(transformer(**options))
    run = Run(published_start(experiment_file, path, *overrides), "gan")
    with pytest.raises(CheckpointError, match=rf"\.th: {message}"):
        run._begin()


def test_another_network_is_refused_and_fitting_weights_of_it_listed(
    experiment_file: Path, write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(hybrid(sources=["low", "high"], audio_channels=1), "cccc0000")
    with pytest.raises(CheckpointError, match=r"name: expected htdemucs, as .*, found hdemucs;"):
        Run(published_start(experiment_file, other), "gan")._begin()
    path = write(transformer(sources=["low", "high"], audio_channels=1, t_layers=1))
    config = published_start(experiment_file, path, "start.match=shapes")
    run = Run(config, "gan")
    run._begin()
    begins = run.folder.environment["begins"]
    assert begins["not_taken"] == []
    assert begins["left_as_drawn"]
    assert all(".layers.1." in n or ".layers_t.1." in n for n in begins["left_as_drawn"])
    assert "weights taken; left as drawn: crosstransformer.layers" in capsys.readouterr().out
