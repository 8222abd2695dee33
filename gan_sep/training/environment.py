"""Where and from what a run was made: command, commit, versions, seed, machine."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import Accelerator

from gan_sep.config.loader import to_dict
from gan_sep.config.run import RunConfig
from gan_sep.runs import RunFolder, json_text, write_text

PACKAGES = ("torch", "torchaudio", "accelerate", "numpy", "scipy", "soundfile", "musdb", "museval")


def describe(
    config: RunConfig, accelerator: Accelerator, tracks: Mapping[str, int]
) -> dict[str, Any]:
    """What environment.json holds: enough to run the same thing again and to see where it ran.

    tracks: how many there are of each kind.
    """
    return {
        "command": command(),
        "commit": commit(),
        "seed": config.seed,
        "tracks": dict(tracks),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "device": _device(accelerator.device),
            "processes": accelerator.num_processes,
            "threads": torch.get_num_threads(),
            "precision": accelerator.mixed_precision,
        },
    }


def write_run_description(
    run: RunFolder,
    config: RunConfig,
    accelerator: Accelerator,
    tracks: Mapping[str, int],
    more: Mapping[str, Any],
) -> None:
    """config.yaml (the whole resolved tree) and environment.json beside the run.

    more: what else environment.json says.
    """
    write_text(run.config_file, yaml.safe_dump(to_dict(config), sort_keys=False))
    description = describe(config, accelerator, tracks) | dict(more)
    write_text(run.environment_file, json_text(description))


def extend_run_description(run: RunFolder, config: RunConfig) -> None:
    """Write down that a run goes on with another configuration, more steps say, and by whom."""
    text = yaml.safe_dump(to_dict(config), sort_keys=False)
    if run.config_file.read_text("utf-8") == text:
        return
    description = run.environment
    commands = description["command"].splitlines()
    if command() not in commands:
        commands.append(command())
    write_text(run.environment_file, json_text({**description, "command": "\n".join(commands)}))
    write_text(run.config_file, text)


def command() -> str:
    """The command line, with the program's path as seen from the current folder."""
    program = Path(sys.argv[0])
    if program.is_absolute() and program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    return shlex.join(["accelerate", "launch", str(program), *sys.argv[1:]])


def commit() -> str | None:
    """The checkout's commit, `+changes` where tracked files differ from it; None outside git."""
    checkout = Path(__file__).parent

    def git(*arguments: str) -> str:
        result = subprocess.run(
            ["git", *arguments], cwd=checkout, capture_output=True, text=True, check=True
        )
        return result.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def processor() -> str:
    """The name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
