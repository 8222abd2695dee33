"""A whole experiment that trains in a second: noise stems on disk, tiny networks."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from matplotlib.figure import Figure
from PIL import Image

from gan_sep.config.loader import load
from gan_sep.config.run import RunConfig

RATE = 8000
SOURCES = ("low", "high")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is known of audio files from other sessions plays no part."""
    os.environ["GAN_SEP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@contextmanager
def without_painting() -> Iterator[pytest.MonkeyPatch]:
    """Figures are built and files written, of one point: painting takes half of a report's time."""

    def one_point(figure: Figure, file: Any, **how: Any) -> None:
        Image.new("RGB", (1, 1)).save(file, "png")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", one_point)
        yield patch


@pytest.fixture
def unpainted() -> Iterator[None]:
    """The same for a test."""
    with without_painting():
        yield


MakeExperiment = Callable[..., RunConfig]


def write_stems(root: Path, seconds: float = 1.5) -> None:
    """SPLIT/TRACK/SOURCE.wav: a low and a high band of seeded noise."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        for number in range(count):
            folder = root / split / f"{split} song {number}"
            folder.mkdir(parents=True)
            noise = rng.standard_normal(int(seconds * RATE)) * 0.1
            low = np.convolve(noise, np.ones(8) / 8, mode="same")
            soundfile.write(folder / "low.wav", low, RATE, subtype="FLOAT")
            soundfile.write(folder / "high.wav", np.diff(noise, append=0.0), RATE, subtype="FLOAT")


@pytest.fixture(scope="session")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a tiny stem_folders data set."""
    root = tmp_path_factory.mktemp("stems")
    write_stems(root)
    return root


def write_experiment(path: Path, stems: Path, runs: Path) -> Path:
    """A configuration that trains both arms on the tiny data set in about a second."""
    tree = {
        "name": "tiny",
        "runs": str(runs),
        "audio": {"sample_rate": RATE, "channels": 1, "sources": list(SOURCES)},
        "data": {"name": "stem_folders", "root": str(stems)},
        "generator": {"name": "demucs", "channels": 4, "depth": 2, "lstm_layers": 1},
        "discriminator": {
            "name": "spectrogram",
            "n_fft": 256,
            "hop": 128,
            "mel_bands": 8,
            "channels": 4,
            "layers": 2,
        },
        "unpaired": {"set_aside": 2, "batch_size": 2},
        "augment": {"shift": {"seconds": 0.1}, "remix": {"group": 2}},
        "adversarial": {"warmup_steps": 2, "head_start_steps": 1},
        "training": {
            "steps": 6,
            "batch_size": 4,
            "segment_seconds": 0.5,
            "select": "usdr",
            "log_every": 2,
            "validate_every": 4,
            "checkpoint_every": 3,
            "threads": 1,
        },
        "diagnosis": {"every": 4, "segments": 4},
        "evaluation": {"segment_seconds": 1.0},
    }
    path.write_text(yaml.safe_dump(tree))
    return path


def leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested sections, with its dotted key."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, f"{key}.{name}" if key else name)
    else:
        yield key, tree


@pytest.fixture
def experiment_file(stems: Path, tmp_path: Path) -> Path:
    """The tiny experiment, its runs below this test's own folder."""
    return write_experiment(tmp_path / "tiny.yaml", stems, tmp_path / "runs")


@pytest.fixture
def make_experiment(experiment_file: Path) -> MakeExperiment:
    """The tiny experiment with `key.path=value` overrides."""

    def make(*overrides: str) -> RunConfig:
        return load(RunConfig, experiment_file, overrides)

    return make


def of_arm(config: RunConfig, arm: str) -> RunConfig:
    """The run of a pair that an arm's name stands for."""
    return config.plain if arm == "plain" else config
