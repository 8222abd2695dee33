"""Whole songs through each system, as evaluation separates them: how long, in how much memory."""

from functools import partial
from typing import Any

import torch

from benchmarks.peers import package_network
from benchmarks.settings import Setting
from benchmarks.steps import compare
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


def against_package(
    settings: tuple[Setting, ...], seconds: float, rounds: int, device: torch.device
) -> Table:
    """A song through this package and the package demucs, in pieces of the same lengths."""
    title = f"Separating {seconds:g} s beside the package"
    try:
        rows = [_against_package(setting, seconds, rounds, device) for setting in settings]
    except ImportError as missing:
        return Table(title, [], f"Not compared: {missing}; pip install demucs==4.1.0")
    remark = (
        "The networks have the same sizes; the peer is `apply_model` of demucs 4.1.0. Overlap "
        "25 %, no shifts; memory above that of an idle process."
    )
    return Table(title, rows, remark)


def _against_package(setting: Setting, seconds: float, rounds: int, device: torch.device) -> Row:
    # HT Demucs separates in pieces of one length only.
    segment = getattr(setting.generator, "segment_seconds", None) or min(8.0, seconds)
    how = EvaluationSettings(segment_seconds=segment, last_piece="short")
    builders = {
        "gan_sep": partial(_separating, evaluation=how, seconds=seconds),
        "peer": partial(package_separating, segment=segment, seconds=seconds),
    }
    label = f"{setting.name}, {setting.audio.sample_rate / 1000:g} kHz"
    return {"system": label, "pieces, s": segment} | compare(builders, setting, rounds, device)


def _separating(
    setting: Setting, device: torch.device, evaluation: EvaluationSettings, seconds: float
) -> Work:
    return separating(setting, evaluation, seconds, device)


def package_separating(
    setting: Setting, device: torch.device, segment: float, seconds: float
) -> Work:
    """The package separates a song of noise. Raises ImportError where it is not installed."""
    from demucs.apply import apply_model

    network: Any = package_network(setting.generator, setting.audio)
    shape = 1, setting.audio.channels, setting.audio.samples(seconds)
    mixture = torch.empty(shape).normal_(std=0.1)  # (1, C, T)
    return partial(apply_model, network, mixture, shifts=0, segment=segment, device=device)


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
