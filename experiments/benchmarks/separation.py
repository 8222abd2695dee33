"""Whole songs through each system, as evaluation separates them: how long, in how much memory."""

from functools import partial

import torch

from benchmarks.settings import Setting
from benchmarks.table import Row, Table
from benchmarks.timing import Work, interleave, peak_memory
from gan_sep.evaluation.scores import EvaluationSettings
from gan_sep.evaluation.separate import separate


def separation(
    settings: tuple[Setting, ...],
    evaluation: EvaluationSettings,
    songs: tuple[float, float],
    rounds: int,
    device: torch.device,
) -> Table:
    """Seconds and memory that separating a short and a long song takes; songs: their seconds."""
    rows = [_separation(setting, evaluation, songs, rounds, device) for setting in settings]
    remark = (
        f"Songs of {songs[0]:g} and {songs[1]:g} s in pieces of {evaluation.segment_seconds:g} s, "
        f"{evaluation.overlap:.0%} overlap, no shifts; real-time factor: seconds of computing per "
        "second of music. Memory is the peak above an idle process, less song and estimates: "
        "network and pieces, and up to 20 MiB of what the allocator keeps."
    )
    return Table("Separating a song", rows, remark)


def _separation(
    setting: Setting,
    evaluation: EvaluationSettings,
    songs: tuple[float, float],
    rounds: int,
    device: torch.device,
) -> Row:
    works = {f"{s:g} s": partial(separating, setting, evaluation, s, device) for s in songs}
    beyond = {
        f"{name}, MiB beyond": peak_memory(build, device, turns=1) - held(setting, s, device)
        for (name, build), s in zip(works.items(), songs, strict=True)
    }
    timings = interleave({name: build() for name, build in works.items()}, rounds, device)
    seconds: Row = {f"{name}, s": timings.median(name) for name in works}
    factor = timings.median(f"{songs[1]:g} s") / songs[1]
    label = f"{setting.name}, {setting.audio.sample_rate / 1000:g} kHz"
    return {"system": label} | seconds | {"real-time factor": factor} | beyond


def separating(
    setting: Setting, evaluation: EvaluationSettings, seconds: float, device: torch.device
) -> Work:
    """Separates a song of noise."""
    network = setting.generator.build(setting.audio).to(device)
    shape = setting.audio.channels, setting.audio.samples(seconds)
    mixture = torch.empty(shape).normal_(std=0.1)  # (C, T)
    how = evaluation.overlap_add(setting.audio, seed=0)
    return lambda: separate(network, mixture, how)


def held(setting: Setting, seconds: float, device: torch.device) -> float:
    """MiB of a song and its estimates in float32, which lie on the CPU whatever the device."""
    if device.type != "cpu":
        return 0.0
    signals = setting.audio.channels * (1 + len(setting.audio.sources))
    return signals * setting.audio.samples(seconds) * 4 / 2**20
