"""The sections of the benchmark, by the names they are asked for."""

import platform
from collections.abc import Callable

import torch

from benchmarks.bss_eval_speed import Clip, bss_eval_speed
from benchmarks.context import context, grid
from benchmarks.discriminator_costs import discriminator_costs, variants
from benchmarks.loading import loading
from benchmarks.loss_costs import loss_costs
from benchmarks.loss_costs import variants as losses
from benchmarks.sdr_speed import sdr_speed
from benchmarks.separation import against_package, separation
from benchmarks.settings import (
    DEMUCS,
    GAN,
    HYBRIDS,
    LARGE_SYSTEMS,
    QUICK,
    QUICK_SYSTEMS,
    SMALL,
    STEREO,
    SYSTEMS,
)
from benchmarks.steps import against_peers, gan_against_plain
from benchmarks.table import Table
from gan_sep.audio import AudioFormat
from gan_sep.evaluation.scores import EvaluationSettings


def _step(quick: bool, rounds: int, device: torch.device) -> Table:
    return against_peers("Plain training step", (QUICK,) if quick else DEMUCS, rounds, device)


def _systems(quick: bool, rounds: int, device: torch.device) -> Table:
    settings = QUICK_SYSTEMS if quick else SYSTEMS + LARGE_SYSTEMS
    return against_peers("Training step of each system", settings, rounds, device)


def _hybrids(quick: bool, rounds: int, device: torch.device) -> Table:
    settings = tuple(each.tiny() for each in HYBRIDS[:2]) if quick else HYBRIDS
    return against_peers("Training step of hybrid networks", settings, rounds, device)


def _context(quick: bool, rounds: int, device: torch.device) -> Table:
    settings = [grid()[0].tiny()] if quick else grid()
    return context(settings, min(rounds, 2), device)


def _gan_step(quick: bool, rounds: int, device: torch.device) -> Table:
    return gan_against_plain((QUICK,) if quick else GAN, rounds, device)


def _discriminators(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        tiny = {name: variant.tiny() for name, variant in variants().items()}
        return discriminator_costs(QUICK, tiny, rounds, device)
    return discriminator_costs(SMALL, variants(), rounds, device)


def _losses(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        tiny = {name: loss.tiny() for name, loss in losses().items()}
        return loss_costs(QUICK, tiny, rounds, device)
    return loss_costs(SMALL, losses(), rounds, device)


def _separation(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        evaluation = EvaluationSettings(segment_seconds=0.5)
        return separation(QUICK_SYSTEMS, evaluation, (1, 2), rounds, device)
    evaluation = EvaluationSettings(segment_seconds=8)
    return separation(SYSTEMS, evaluation, (60, 240), min(rounds, 3), device)


def _package_separation(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        tiny = (QUICK, HYBRIDS[0].tiny())
        return against_package(tiny, 2, rounds, device)
    return against_package((DEMUCS[0], *HYBRIDS), 60, min(rounds, 3), device)


def _data(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        return loading(QUICK, track_seconds=1, segments=2, rounds=rounds, device=device)
    return loading(DEMUCS[1], track_seconds=30, segments=64, rounds=rounds, device=device)


def _sdr(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        return sdr_speed(QUICK.audio, seconds=1, rounds=rounds)
    return sdr_speed(STEREO, seconds=20, rounds=min(rounds, 3))  # museval takes its time


def _bss_eval(quick: bool, rounds: int, device: torch.device) -> Table:
    duet = AudioFormat(4000 if quick else 16000, 1, ("voice", "music"))
    if quick:
        return bss_eval_speed([Clip(duet, 1), Clip(duet, 1, version="v3")], rounds)
    clips = [Clip(STEREO, 60), Clip(STEREO, 60, lossy=True), Clip(duet, 10, version="v3")]
    return bss_eval_speed(clips, rounds=min(rounds, 3))


SECTIONS: dict[str, Callable[[bool, int, torch.device], Table]] = {
    "step": _step,
    "systems": _systems,
    "hybrids": _hybrids,
    "context": _context,
    "gan_step": _gan_step,
    "discriminators": _discriminators,
    "losses": _losses,
    "separation": _separation,
    "package_separation": _package_separation,
    "data": _data,
    "sdr": _sdr,
    "bss_eval": _bss_eval,
}


def machine(device: torch.device) -> str:
    """What the measurements were made with, in one line."""
    if device.type == "cuda":
        kind = torch.cuda.get_device_name(device)
    else:
        kind = f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
    return f"{kind}, torch {torch.__version__}, {platform.system()} {platform.machine()}"
