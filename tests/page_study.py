"""A finished study without training: rows, records, and excerpts of tones, to make pages of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.data.base import Track
from gan_sep.evaluation.excerpts import ExcerptKeeper
from gan_sep.evaluation.rows import Row, write_table
from gan_sep.evaluation.scores import ExcerptSettings
from gan_sep.evaluation.separate import OverlapAdd, separate
from gan_sep.reporting.report import write_full
from gan_sep.reporting.study import Study
from gan_sep.runs import EXCERPTS

ROWS = Path("evaluation", "test", "rows.csv")

RATE = 8000
SOURCES = ("drums", "vocals")
ARMS = {"plain": 0.0, "gan": 0.3}
"""Arm -> by how many dB its drums are better, and its vocals worse, than the plain arm's."""

EIGHT_ARMS = {
    **ARMS,
    "conv_tasnet": -0.2,
    "drnn2": 0.1,
    "drnn2_discriminative": 0.4,
    "open_unmix": -0.4,
    "vpnn": 0.2,
    "wave_unet": -0.1,
}

AWKWARD = "\"Quotes\" & <b>tags</b> 'ö' 日本 {{ braces }}"
TRACKS = (AWKWARD, *(f"song {number}" for number in range(7)))

AUDIO = AudioFormat(sample_rate=RATE, channels=1, sources=SOURCES)
EXCERPT_SECONDS = 1.5


def write_report(
    folders: Path | Sequence[Path],
    out: Path,
    question: str | None = None,
    words: Path | None = None,
    audio: bool = False,
    controls: Sequence[str] = (),
) -> str:
    """The full report of one folder runs/NAME, or of several, and what the console shows of it."""
    found = [folders] if isinstance(folders, Path) else folders
    study = Study.of(found, controls, question)
    write_full(study, out, words, audio)
    return study.in_short()


class Tones(Track):
    """Drums click four times a second, vocals hold a chord at a fifth of the level."""

    def __init__(self, name: str) -> None:
        self.name, self.num_samples = name, 2 * RATE

    def read(self, start: int = 0, num_samples: int | None = None) -> Tensor:
        seconds = torch.arange(self.num_samples) / RATE
        clicks = torch.sin(2 * torch.pi * 900 * seconds) * torch.exp(-30 * (seconds % 0.25))
        hertz = torch.tensor([220.0, 277.0, 330.0])[:, None]
        chord = torch.sin(2 * torch.pi * hertz * seconds).sum(0)
        sources = torch.stack([0.5 * clicks, 0.1 * chord])[:, None]  # (S, 1, T)
        return sources[..., start : self.stop(start, num_samples)]


class Bleeding(nn.Module):
    """Estimates the mixture at each source's own level."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor([level, 0.2 * level])[:, None, None])

    def forward(self, mixture: Tensor) -> Tensor:
        return self.levels * mixture[:, None]  # (B, S, C, T)


def write_study_run(
    folder: Path,
    seeds: tuple[int, ...] = (0, 1),
    data: str = "stem_folders",
    arms: Mapping[str, float] = ARMS,
) -> Path:
    """runs/NAME with every arm of every seed; the lowest seed kept excerpts of two tracks."""
    for seed in seeds:
        for arm, better in arms.items():
            arm_folder = folder / f"seed{seed}-{arm}"
            write_table(arm_folder / ROWS, Row._fields, _rows(seed, arm, better))
            _describe(arm_folder, folder.name, arm, data)
            if seed == min(seeds):
                write_tones(arm_folder, arm)
    return folder


def write_tones(arm_folder: Path, arm: str, tracks: int = 2) -> None:
    """Excerpts of the first tracks as the arm's evaluation leaves them."""
    how = OverlapAdd(RATE)
    keeper = ExcerptKeeper(
        arm_folder / ROWS.parent / EXCERPTS,
        ExcerptSettings(tracks, EXCERPT_SECONDS),
        AUDIO,
        how,
        weights=arm,
    )
    for name in TRACKS[:tracks]:
        references = Tones(name).read()  # (S, 1, T)
        estimates = separate(Bleeding(0.8 + EIGHT_ARMS[arm]), references.sum(0), how)
        keeper.keep(Tones(name), references, estimates)
    keeper.remove_others([Tones(name) for name in TRACKS])


def _rows(seed: int, arm: str, better: float) -> list[Row]:
    random = np.random.default_rng([seed, *map(ord, arm)])
    noise = random.normal(scale=0.05, size=(len(TRACKS), len(SOURCES)))
    return [
        Row(seed, name, track, source, metric, level + place / 4 + sign * change[place, i])
        for name, level, change in (("mixture", -4.0, 0 * noise), (arm, 5.0, better + noise))
        for place, track in enumerate(TRACKS)
        for i, (source, sign) in enumerate(zip(SOURCES, (1, -1), strict=True))
        for metric in ("sdr", "usdr")
    ]


def _describe(folder: Path, name: str, arm: str, data: str) -> None:
    config = {
        "name": name,
        "question": "Do <discriminators> help?",
        "data": {"name": data, "root": "music"},
        "audio": {"sample_rate": RATE, "channels": 1, "sources": list(SOURCES)},
        "losses": [{"name": "l1_time"}],
        "generator": {"name": "demucs", "channels": 4, "depth": 2, "lstm_layers": 0},
        "discriminator": {"name": "spectrogram"} if arm == "gan" else None,
        "adversarial": {"warmup_steps": 0},
        "training": {"select": "usdr"},
        "unpaired": None,
    }
    environment = {
        "command": "accelerate launch experiments/train_gan.py",
        "commit": "0123abc",
        "versions": {"torch": "2.11.0"},
        "tracks": {"train": 9, "valid": 2, "test": len(TRACKS)},
        "machine": {"cores": 2},
        "parameters": 100,
    }
    records = [
        {
            "step": step,
            "kind": "train",
            "loss": {"reconstruction": dict.fromkeys(SOURCES, 1 / step)},
        }
        for step in (10, 20, 30)
    ]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
