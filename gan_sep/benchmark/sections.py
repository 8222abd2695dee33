"""The sections of the benchmark, by the names they are asked for."""

import platform
from collections.abc import Callable

import torch

from gan_sep.audio import AudioFormat
from gan_sep.benchmark.bss_eval_speed import Clip, bss_eval_speed
from gan_sep.benchmark.loading import loading
from gan_sep.benchmark.sdr_speed import sdr_speed
from gan_sep.benchmark.steps import (
    GAN_SETTINGS,
    QUICK_SETTINGS,
    SETTINGS,
    STEREO,
    against_peer,
    gan_against_plain,
)
from gan_sep.benchmark.table import Table


def _step(quick: bool, rounds: int, device: torch.device) -> Table:
    return against_peer(QUICK_SETTINGS if quick else SETTINGS, rounds, device)


def _gan_step(quick: bool, rounds: int, device: torch.device) -> Table:
    return gan_against_plain(QUICK_SETTINGS if quick else GAN_SETTINGS, rounds, device)


def _data(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        return loading(QUICK_SETTINGS[0], track_seconds=1, segments=2, rounds=rounds, device=device)
    return loading(SETTINGS[1], track_seconds=30, segments=64, rounds=rounds, device=device)


def _sdr(quick: bool, rounds: int, device: torch.device) -> Table:
    if quick:
        return sdr_speed(QUICK_SETTINGS[0].audio, seconds=1, rounds=rounds)
    return sdr_speed(STEREO, seconds=20, rounds=min(rounds, 3))  # museval takes its time


def _bss_eval(quick: bool, rounds: int, device: torch.device) -> Table:
    duet = AudioFormat(4000 if quick else 16000, 1, ("voice", "music"))
    if quick:
        return bss_eval_speed([Clip(duet, 1), Clip(duet, 1, version="v3")], rounds)
    clips = [Clip(STEREO, 60), Clip(STEREO, 60, lossy=True), Clip(duet, 10, version="v3")]
    return bss_eval_speed(clips, rounds=min(rounds, 3))


SECTIONS: dict[str, Callable[[bool, int, torch.device], Table]] = {
    "step": _step,
    "gan_step": _gan_step,
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
