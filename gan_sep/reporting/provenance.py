"""Where a report's numbers come from: commands, commit, versions, machine, configuration."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from gan_sep.reporting.formats import count
from gan_sep.reporting.runs import ArmRun


def data_section(runs: Sequence[ArmRun], tested: int) -> str:
    """Markdown: the data set as the configuration names it, the audio format, the tested tracks."""
    config = runs[0].config
    audio = config["audio"]
    lines = [
        f"- data set: {_inline(config['data'])}",
        f"- audio: {audio['sample_rate']} Hz, {'mono' if audio['channels'] == 1 else 'stereo'}; "
        f"sources {', '.join(audio['sources'])}",
        f"- tracks: {_inline(runs[0].environment['tracks'])}",
        f"- tested on {count(tested, 'track')} that training and choice of weights never saw",
    ]
    if config.get("unpaired"):
        lines.insert(1, f"- unpaired material of the GAN arm: {_inline(config['unpaired'])}")
    return "\n".join(lines) + "\n"


def provenance_section(runs: Sequence[ArmRun]) -> str:
    """Markdown: how to make the same again, and on what it was made."""
    environments = [run.environment for run in runs]
    commands = "\n".join(_distinct(environment["command"] for environment in environments))
    commits = _distinct(str(environment["commit"]) for environment in environments)
    seeds = sorted({run.seed for run in runs})
    lines = [
        f"```\n{commands}\n```\n",
        f"- commit: {', '.join(commits)}" + (" (the arms differ)" if len(commits) > 1 else ""),
        f"- seeds: {', '.join(map(str, seeds))}",
    ]
    for name in ("versions", "machine"):
        described = _distinct(_inline(environment[name]) for environment in environments)
        lines += [f"- {name}: {each}" for each in described]
    return "\n".join(lines) + "\n"


def configuration_section(runs: Sequence[ArmRun]) -> str:
    """Markdown: the configuration of the first GAN arm, and where its plain twin differs."""
    gan = next(run for run in runs if run.arm == "gan")
    plain = next(run for run in runs if run.arm == "plain" and run.seed == gan.seed)
    differing = {
        key: plain.config.get(key)
        for key in [*gan.config, *(key for key in plain.config if key not in gan.config)]
        if plain.config.get(key) != gan.config.get(key)
    }
    return (
        f"The plain arm differs in: {_inline(differing)}.\n\n"
        f"<details><summary>Configuration of the GAN arm, seed {gan.seed}</summary>\n\n"
        f"```yaml\n{yaml.safe_dump(gan.config, sort_keys=False)}```\n\n</details>\n"
    )


def _distinct(values: Iterable[str]) -> list[str]:
    """In the order of their first appearance."""
    return list(dict.fromkeys(values))


def _inline(values: Mapping[str, Any]) -> str:
    """{"name": "demucs", "channels": 64} -> name demucs, channels 64."""
    return ", ".join(f"{key} {'null' if value is None else value}" for key, value in values.items())
